//! Runs one command to its end, or until a person stops it.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::arguments::{Arguments, Command};
use crate::commands::{
    aggregate, check, close, completions, doctor, explain, ingest, init, maintain, recipe, registry, report,
    sample, sql, tables,
};
use crate::context::Context;
use crate::disk_full;
use crate::failure::{Exit, Failure};

/// Runs the command.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let context = Context::new(arguments.global);
    let result = match arguments.command {
        Command::Init(arguments) => until_interrupted(init::run(&context, &arguments)),
        Command::Check(arguments) => until_interrupted(check::run(&context, &arguments)),
        Command::Doctor(arguments) => until_interrupted(doctor::run(&context, &arguments)),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Close(arguments) => until_interrupted(close::run(&context, &arguments)),
        Command::Ingest(command) => {
            let (tell, stop) = watch::channel(false);
            let in_order = command.ends_in_order();
            let work = ingest::run(&context, &command, stop);
            if in_order { until_told(&tell, work) } else { until_interrupted(work) }
        }
        Command::Registry(command) => registry::run(&command),
        Command::Aggregate(arguments) => until_interrupted(aggregate::run(&context, &arguments)),
        Command::Report(arguments) => until_interrupted(report::run(&context, &arguments)),
        Command::Explain(arguments) => until_interrupted(explain::run(&context, &arguments)),
        Command::Sql(arguments) => until_interrupted(sql::run(&context, &arguments)),
        Command::Tables(arguments) => until_interrupted(tables::run(&context, &arguments)),
        Command::Maintain(arguments) => until_interrupted(maintain::run(&context, &arguments)),
        Command::Recipe(command) => recipe::run(&command),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    result.map_err(|failure| disk_full::named(failure, &context))
}

/// Drives the work until it ends, a person presses Ctrl-C, or the system asks it to stop. Whatever was committed
/// then stays, and nothing half written is visible: the same command run again does the rest (law L2).
fn until_interrupted(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            () = stopped() => Err(Failure::Interrupted),
        }
    });
    runtime.shutdown_background();
    result
}

/// Drives the work until it ends. Asked to stop, it is told so, and commits what it has; asked again, it is left.
fn until_told(
    tell: &watch::Sender<bool>,
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = stopped() => {}
        }
        tracing::warn!("ending: what was read is committed first; ask again to end at once");
        tell.send_replace(true);
        tokio::select! {
            result = work => result,
            () = stopped() => Err(Failure::Interrupted),
        }
    });
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)
}

/// Comes back when a person or the system wants the program to end.
async fn stopped() {
    let interrupt = async {
        // Where signals cannot be listened to, the system ends the program as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut asked) => {
                asked.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

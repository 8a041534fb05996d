//! Reading ahead: a file is taken apart on a thread of its own while its rows become lines.

use std::sync::mpsc::sync_channel;
use std::thread;

/// Pieces of a file that wait at most.
const AHEAD: usize = 2;

/// Hands what `produce` gives to `consume`, in order, a few pieces behind. The first error of either ends
/// both; `produce` is told by `false` that nothing more is wanted.
pub(crate) fn ahead<T: Send, E: Send>(
    produce: impl FnOnce(&mut dyn FnMut(T) -> bool) -> Result<(), E> + Send,
    mut consume: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (give, take) = sync_channel(AHEAD);
        let producer = scope.spawn(move || produce(&mut |piece| give.send(piece).is_ok()));
        for piece in take {
            consume(piece)?;
        }
        producer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order_and_the_first_error_ends_it() {
        let run = |produced: u32, refused: u32, end: Result<(), &'static str>| {
            let mut seen = Vec::new();
            let ended = ahead(
                |give| (0..produced).all(&mut *give).then_some(()).map_or(Err("not wanted"), |()| end),
                |piece| {
                    if piece == refused {
                        return Err("refused");
                    }
                    seen.push(piece);
                    Ok(())
                },
            );
            (seen.len(), ended)
        };
        assert_eq!(run(50, 99, Ok(())), (50, Ok(())));
        assert_eq!(run(50, 99, Err("cut")), (50, Err("cut")));
        assert_eq!(run(50, 7, Ok(())), (7, Err("refused")));
    }
}

#!/usr/bin/env bash
# Apache Kafka for tests (KRaft, no ZooKeeper), on free ports of the loopback interface.
#   scripts/kafka.sh fetch             gets Kafka once, from Maven Central, into the cache, and prints its folder
#   scripts/kafka.sh start DIR [N]     starts N brokers (1, or 3), waits until they are ready, writes DIR/env (shell
#                                      assignments HUBTALLY_TEST_KAFKA_…) and prints the bootstrap address
#   scripts/kafka.sh stop DIR          stops them all
#   scripts/kafka.sh kill|up DIR I     broker I crashes; is started again on its data
#   scripts/kafka.sh pause|cont DIR I  broker I hangs; goes on
# Each broker has a plain listener and one with SASL over TLS; KAFKA_EXTRA=$'key=value' is appended to its settings.
set -euo pipefail
. "$(dirname "$0")/env.sh"

version=4.4.0
log4j=2.25.3
jars=$HUBTALLY_CACHE/kafka/$version
user=alice
password=alice-secret
command=${1:?fetch, start, stop, kill, up, pause or cont}

fetch() {
  local java_version
  java_version=$(java -version 2>&1 | sed -n 's/^[^"]*"\([0-9]*\).*/\1/p' | head -n 1) || java_version=
  [ "${java_version:-0}" -ge 17 ] || apt_install default-jre-headless
  [ -e "$jars/.complete" ] && return 0
  command -v mvn >/dev/null || apt_install maven
  say "fetching Apache Kafka $version"
  local project
  project=$(mktemp -d)
  cat >"$project/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$log4j</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>$log4j</version></dependency>
  </dependencies>
</project>
POM
  mkdir -p "$jars"
  mvn -q -B -f "$project/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars" >&2
  rm -rf "$project"
  [ -f "$jars/kafka_2.13-$version.jar" ] || fail "Kafka's jars are missing in $jars"
  touch "$jars/.complete"
}

run_java() { # class, arguments…
  exec java -Xms48m -Xmx160m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true -Dlog4j2.configurationFile="$folder/log4j2.properties" -cp "$jars/*" "$@"
}

taken=' '
free_port() { # sets $port
  local attempt
  for attempt in $(seq 200); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    case $taken in *" $port "*) continue ;; esac
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      taken+="$port "
      return 0
    fi
  done
  fail "no free port after $attempt tries"
}

make_certificates() {
  local tls=$folder/tls
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=test-ca \
    -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server \
    -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 3650 \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n') -out "$tls/server.pem" 2>/dev/null
  cat "$tls/server.key" "$tls/server.pem" >"$tls/keystore.pem"
}

create() { # brokers
  local count=$1 i voters='' plain=() control=() inside=() secure=() minimum=1 cluster plain_list='' secure_list=''
  [ "$count" = 1 ] || [ "$count" = 3 ] || fail "1 broker, or 3"
  [ "$count" = 3 ] && minimum=2
  mkdir -p "$folder"
  cat >"$folder/log4j2.properties" <<'LOG'
status = warn
appender.err.type = Console
appender.err.name = ERR
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = INFO
rootLogger.appenderRef.err.ref = ERR
logger.cfg.name = org.apache.kafka.common.config
logger.cfg.level = WARN
LOG
  make_certificates
  # 16 random bytes as Kafka writes them, without a dash in front.
  cluster=k$(head -c16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' | cut -c2-)
  for i in $(seq "$count"); do
    free_port && plain[i]=$port
    free_port && control[i]=$port
    free_port && inside[i]=$port
    free_port && secure[i]=$port
    voters+="${voters:+,}$i@127.0.0.1:${control[i]}"
    plain_list+="${plain_list:+,}127.0.0.1:${plain[i]}"
    secure_list+="${secure_list:+,}127.0.0.1:${secure[i]}"
  done
  for i in $(seq "$count"); do
    local broker=$folder/broker$i at
    mkdir -p "$broker"
    at="PLAINTEXT://127.0.0.1:${plain[i]},INTERNAL://127.0.0.1:${inside[i]},SASLTLS://127.0.0.1:${secure[i]}"
    cat >"$broker/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listeners=$at,CONTROLLER://127.0.0.1:${control[i]}
advertised.listeners=$at
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,SASLTLS:SASL_SSL
log.dirs=$broker/data
default.replication.factor=$count
min.insync.replicas=$minimum
offsets.topic.replication.factor=$count
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=$count
transaction.state.log.min.isr=$minimum
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=$count
share.coordinator.state.topic.min.isr=$minimum
share.coordinator.state.topic.num.partitions=1
auto.create.topics.enable=false
# Small: the cleaner's usual buffer alone is 128 MiB.
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.io.buffer.size=65536
log.index.size.max.bytes=1048576
num.network.threads=1
num.io.threads=3
num.recovery.threads.per.data.dir=1
background.threads=2
# Quick: the fencing of a dead broker, retention, deletion of segments.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
replica.lag.time.max.ms=5000
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasltls.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$user="$password";
listener.name.sasltls.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasltls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$folder/tls/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$folder/tls/ca.pem
${KAFKA_EXTRA:-}
PROPERTIES
    (run_java kafka.tools.StorageTool format --ignore-formatted -t "$cluster" -c "$broker/server.properties" \
      --add-scram "SCRAM-SHA-256=[name=$user,password=$password]" \
      --add-scram "SCRAM-SHA-512=[name=$user,password=$password]") >"$broker/format.log" 2>&1 || {
      cat "$broker/format.log" >&2
      fail "broker $i cannot be formatted"
    }
  done
  echo "$count" >"$folder/count"
  echo "$plain_list" >"$folder/bootstrap"
  cat >"$folder/env" <<ENV
export HUBTALLY_TEST_KAFKA=$plain_list
export HUBTALLY_TEST_KAFKA_SASL=$secure_list
export HUBTALLY_TEST_KAFKA_CA=$folder/tls/ca.pem
export HUBTALLY_TEST_KAFKA_USER=$user
export HUBTALLY_TEST_KAFKA_PASSWORD=$password
ENV
}

launch() { # broker
  local broker=$folder/broker$1
  : >"$broker/log"
  (run_java kafka.Kafka "$broker/server.properties") >"$broker/log" 2>&1 </dev/null &
  echo $! >"$broker/pid"
}

wait_ready() { # broker
  local broker=$folder/broker$1
  # Said once the broker is registered, caught up and may serve.
  for _ in $(seq 900); do
    grep -q 'Kafka Server started' "$broker/log" && return 0
    kill -0 "$(cat "$broker/pid")" 2>/dev/null || break
    sleep 0.1
  done
  grep -E 'ERROR|FATAL|Exception' "$broker/log" | tail -n 10 >&2
  fail "Kafka did not start; its log is $broker/log"
}

signal() { # signal, broker
  kill "-$1" "$(cat "$folder/broker$2/pid")"
}

stop() {
  local i
  [ -e "$folder/count" ] || return 0
  for i in $(seq "$(cat "$folder/count")"); do
    signal CONT "$i" 2>/dev/null || true
    stop_server "$folder/broker$i" &
  done
  wait
}

if [ "$command" = fetch ]; then
  fetch
  echo "$jars"
  exit 0
fi
mkdir -p "${2:?folder}"
folder=$(cd "$2" && pwd)
case $command in
  start)
    fetch
    [ -e "$folder/count" ] || create "${3:-1}"
    for i in $(seq "$(cat "$folder/count")"); do launch "$i"; done
    for i in $(seq "$(cat "$folder/count")"); do wait_ready "$i"; done
    cat "$folder/bootstrap"
    ;;
  stop) stop ;;
  kill) signal KILL "${3:?broker}" ;;
  up) launch "${3:?broker}" && wait_ready "$3" ;;
  pause) signal STOP "${3:?broker}" ;;
  cont) signal CONT "${3:?broker}" ;;
  *) fail "unknown command $command: fetch, start, stop, kill, up, pause or cont" ;;
esac

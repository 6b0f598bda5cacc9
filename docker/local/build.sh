#!/bin/sh
# Images under the names that docker/Dockerfile and docker/compose.yaml use, made of what this machine has: for a machine
# that has a Docker engine and packages of Debian, npm and Maven, but no registry of images. For tests, never to be
# published: their Node is npm's, their Redis Debian's, and clickhouse is the tests' front over chDB.
#   docker/local/build.sh node tidemill redis kafka clickhouse
# Needs root, debootstrap, Node with npm, and for kafka its jars (scripts/services/kafka.js fetches them).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOCKER_BUILDKIT=0
base=$(sed -n 's/^ARG NODE_IMAGE=//p' "$root/docker/Dockerfile")

# build <tag> <folder>: the folder's Dockerfile, with the machine's network for packages.
build() { docker build -q --network host -t "$1" "$2"; }

node_image() {
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" >&2
  mkdir -p "$work/root/usr/lib/node_modules"
  cp -L "$(node "$root/scripts/services/node.js" 24)" "$work/root/usr/bin/node"
  cp -a "$(npm root -g)/npm" "$work/root/usr/lib/node_modules/"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$work/root/usr/bin/npx"
  # A machine that trusts an authority of its own reaches its packages through it.
  cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/"
  rm -rf "$work/root/var/cache/apt/archives"/*.deb "$work/root/dev"/*
  tar -C "$work/root" -c . | docker import --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]' - "$base"
}

tidemill_image() { docker build -q --network host -f "$root/docker/Dockerfile" -t tidemill:0.1.0 "$root"; }

redis_image() {
  mkdir -p "$work/redis"
  cat > "$work/redis/Dockerfile" <<END
FROM $base
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
WORKDIR /data
CMD ["redis-server"]
END
  build redis:7.4.2-bookworm "$work/redis"
}

# The broker takes its settings from KAFKA_* as in Apache's image, by the same program, which is in the jars.
kafka_image() {
  mkdir -p "$work/kafka/libs"
  cp "${XDG_CACHE_HOME:-$HOME/.cache}"/tidemill/kafka-4.3.1/*.jar "$work/kafka/libs/"
  cat > "$work/kafka/run" <<'END'
#!/bin/sh
set -e
mkdir -p /tmp/kafka
# A directory that has been formatted is one of a broker that starts again.
said=$(java -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /tmp/kafka 2>&1) ||
  echo "$said" | grep 'already formatted' || { echo "$said"; exit 1; }
exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -XX:+UseSerialGC -Dlog4j2.configurationFile=/etc/kafka/docker/log4j2.yaml -cp '/opt/kafka/libs/*' kafka.Kafka /tmp/kafka/server.properties
END
  cat > "$work/kafka/asks" <<'END'
#!/bin/sh
# As much of kafka-broker-api-versions.sh as a health check needs: it ends well where the broker answers.
exec java -Xmx64m -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' kafka.admin.ConfigCommand --bootstrap-server "$2" --entity-type brokers --entity-default --describe
END
  printf 'process.roles=broker,controller\n' > "$work/kafka/server.properties"
  printf 'Configuration:\n  Appenders:\n    Console:\n      name: out\n      PatternLayout:\n        pattern: "[%%d] %%p %%m (%%c)%%n"\n  Loggers:\n    Root:\n      level: INFO\n      AppenderRef:\n        - ref: out\n' > "$work/kafka/log4j2.yaml"
  cp "$work/kafka/log4j2.yaml" "$work/kafka/tools-log4j2.yaml"
  cat > "$work/kafka/Dockerfile" <<END
FROM $base
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless && rm -rf /var/lib/apt/lists/*
COPY libs /opt/kafka/libs
COPY server.properties log4j2.yaml tools-log4j2.yaml /etc/kafka/docker/
COPY run /etc/kafka/docker/run
COPY run /etc/confluent/docker/run
COPY asks /opt/kafka/bin/kafka-broker-api-versions.sh
CMD ["/etc/kafka/docker/run"]
END
  chmod 755 "$work/kafka/run" "$work/kafka/asks"
  build apache/kafka:4.3.1 "$work/kafka"
  # testcontainers knows Kafka by the image of Confluent, which starts with the same file.
  docker tag apache/kafka:4.3.1 confluentinc/cp-kafka:8.1.0
}

clickhouse_image() {
  mkdir -p "$work/clickhouse"
  cp "$root"/scripts/services/clickhouse-front.js "$root"/scripts/services/clickhouse-engine.js "$work/clickhouse/"
  cat > "$work/clickhouse/run.sh" <<'END'
#!/bin/sh
export FRONT_OPTIONS="{\"directory\":\"/var/lib/clickhouse\",\"ports\":[8123,9000],\"host\":\"0.0.0.0\",\"user\":\"${CLICKHOUSE_USER:-default}\",\"password\":\"${CLICKHOUSE_PASSWORD:-}\"}"
exec node /app/clickhouse-front.js
END
  cat > "$work/clickhouse/Dockerfile" <<'END'
FROM tidemill:0.1.0
USER 0
RUN apt-get update && apt-get install -y --no-install-recommends wget && rm -rf /var/lib/apt/lists/* && mkdir -p /var/lib/clickhouse
COPY clickhouse-front.js clickhouse-engine.js run.sh /app/
HEALTHCHECK NONE
ENTRYPOINT ["sh", "/app/run.sh"]
CMD []
END
  build clickhouse/clickhouse-server:26.7 "$work/clickhouse"
}

for image in "$@"; do "${image}_image"; done

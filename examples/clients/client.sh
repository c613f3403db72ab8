#!/bin/sh
# A synchronous and an asynchronous send through `mqtt-connector serve`, with curl 7.82 or later.
#
#     MQTT_SERVICE=http://127.0.0.1:8080 MQTT_TOKEN=… sh client.sh
set -eu

call() {
    path=$1
    shift
    curl --silent --show-error --fail-with-body --header "Authorization: Bearer $MQTT_TOKEN" "$MQTT_SERVICE$path" "$@"
}

# Waits until the broker has it. The key makes it safe to ask again when no answer comes.
call /v1/send --header 'Idempotency-Key: shell-1' --json '{"content": "from a shell"}'
echo

# Accepted, and looked at later.
id=$(call /v1/executions --json '{"request": {"content": "from a shell, later"}}' | cut -d'"' -f4)
call "/v1/executions/$id?wait=30"
echo

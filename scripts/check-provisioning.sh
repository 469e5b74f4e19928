#!/bin/sh
# Checks a running orchestrator in the way acexy uses it: provisions an engine, looks for it at once, and removes it again.
#
# Usage: ORCH_URL=http://localhost:8000 API_KEY=... sh scripts/check-provisioning.sh [URL]
#
# The key may be in a file (API_KEY_FILE=...). If there are several keys, separated by commas, the first is used.
# Needs curl, and docker for step 5.
#
# Exit codes: 0 every step passed or was left out, 1 a step failed, 2 a wrong argument.
set -eu

case ${1:-} in
  -h | --help) sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "$0" && exit 0 ;;
  -*) echo "Unknown option $1. To see what this script does: sh '$0' --help" >&2 && exit 2 ;;
esac

ORCH_URL=${1:-${ORCH_URL:-http://localhost:8000}}
ORCH_URL=${ORCH_URL%/}
# How long this check waits for an answer. acexy itself waits for 3 s; this is no promise of the server.
ANSWER_SECONDS=15
RETRIES=5
CONTAINER_ID=''

if [ -n "${API_KEY_FILE:-}" ]; then
  API_KEY=$(head -n 1 "$API_KEY_FILE") || exit 1
fi
API_KEY=$(printf '%s' "${API_KEY:-}" | cut -d , -f 1 | tr -d '\r')

command -v curl >/dev/null 2>&1 || { echo 'This check needs curl: install it and run this again.' >&2; exit 1; }
FOLDER=$(mktemp -d)
BODY="$FOLDER/body"
FAULT="$FOLDER/fault"

# Prints the HTTP status (000 if there was no answer) and writes the body to $BODY.
request() {
  method=$1
  path=$2
  shift 2
  : >"$BODY"
  if [ -n "$API_KEY" ]; then
    # The key is passed in a file, because everyone on this machine can read arguments.
    escaped=$(printf '%s' "$API_KEY" | sed 's/[\\"]/\\&/g')
    printf 'header = "Authorization: Bearer %s"\n' "$escaped" >"$FOLDER/key"
    set -- "$@" --config "$FOLDER/key"
  fi
  curl -sS -m "$ANSWER_SECONDS" -X "$method" -o "$BODY" -w '%{http_code}' "$@" "$ORCH_URL$path" 2>"$FAULT" || true
}

step() { printf '\n%s\n' "$*"; }
passed() { printf '  passed: %s\n' "$*"; }

failed() {
  printf '  FAILED: %s\n' "$*"
  [ ! -s "$BODY" ] || printf '  The answer was: %s\n' "$(head -c 600 "$BODY")"
  [ ! -s "$FAULT" ] || printf '  %s\n' "$(cat "$FAULT")"
  exit 1
}

# Prints the first value of a member in $BODY, without quotes. Accepts white space; works only for strings and numbers.
member() {
  tr -d '\n' <"$BODY" | grep -o "\"$1\"[[:space:]]*:[[:space:]]*\(\"[^\"]*\"\|[^,}[:space:]]*\)" | head -n 1 |
    sed 's/^"[^"]*"[[:space:]]*:[[:space:]]*//; s/^"//; s/"$//'
}

# Removes the engine that was provisioned, also if a step failed. Does nothing if none was provisioned.
remove_engine() {
  [ -n "$CONTAINER_ID" ] || return 0
  id=$CONTAINER_ID
  CONTAINER_ID=''
  status=$(request DELETE "/containers/$id")
  case $status in
    2?? | 404) printf '  The engine was removed (HTTP %s).\n' "$status" ;;
    *) printf '  The engine %s could NOT be removed (HTTP %s): docker rm -f %s\n' "$id" "$status" "$id" && return 1 ;;
  esac
}

clean_up() {
  code=$?
  trap - EXIT
  remove_engine || code=1
  rm -rf "$FOLDER"
  exit "$code"
}

provision() {
  tries=0
  while :; do
    status=$(request POST /provision/acestream -H 'Content-Type: application/json' -d '{}')
    [ "$status" = 503 ] && grep -q provisioning_in_progress "$BODY" && [ "$tries" -lt "$RETRIES" ] || return 0
    tries=$((tries + 1))
    printf '  The engine is still starting: asking again in 2 s.\n'
    sleep 2
  done
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
printf 'Checking %s\n' "$ORCH_URL"

step '1. The orchestrator can be reached'
status=$(request GET /engines)
[ "$status" != 000 ] ||
  failed 'nobody answers there (without API_KEY and ALLOW_NO_KEY the orchestrator listens on 127.0.0.1 only).'
[ "$status" = 200 ] || failed "GET /engines gave HTTP $status."
passed "GET /engines answers."

step '2. It tells its status'
status=$(request GET /orchestrator/status)
[ "$status" = 200 ] || failed "GET /orchestrator/status gave HTTP $status."
can_provision=$(member can_provision)
case $can_provision in
  true) passed 'it can provision.' ;;
  false) passed "it tells that it cannot provision now: $(member blocked_reason)." ;;
  *) failed 'the status has no provisioning.can_provision.' ;;
esac

step '3. An engine is provisioned'
provision
case $status in
  200) ;;
  401 | 403) failed "HTTP $status: set API_KEY (or API_KEY_FILE) to the key of the orchestrator." ;;
  *) failed "POST /provision/acestream gave HTTP $status." ;;
esac
CONTAINER_ID=$(member container_id)
printf '%s' "$CONTAINER_ID" | grep -Eqx '[0-9a-f]{64}' ||
  failed 'the answer has no container_id of 64 hexadecimal digits.'
passed "container $CONTAINER_ID, port $(member host_http_port)."

step '4. The very next GET /engines lists it'
status=$(request GET /engines)
[ "$status" = 200 ] || failed "GET /engines gave HTTP $status."
grep -q "$CONTAINER_ID" "$BODY" || failed 'the new engine is not in the list.'
passed 'it is listed.'

step '5. Its container runs'
if ! docker version >/dev/null 2>&1; then
  printf '  left out: the docker command is missing here, or may not ask the Docker Engine.\n'
elif state=$(docker inspect --format '{{.State.Status}}' "$CONTAINER_ID" 2>"$FAULT"); then
  : >"$BODY"
  [ "$state" = running ] || failed "the state of the container is $state."
  passed 'Docker says that it runs.'
else
  : >"$BODY"
  failed 'Docker does not know the container (is this the Docker Engine of the orchestrator?).'
fi

step '6. It is removed again'
removed=$CONTAINER_ID
remove_engine || exit 1
status=$(request GET /engines)
[ "$status" = 200 ] || failed "GET /engines gave HTTP $status."
if grep -q "$removed" "$BODY"; then failed 'the engine is still listed.'; fi
passed 'it is no longer listed.'

printf '\nThe check passed.\n'

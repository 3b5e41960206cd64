#!/bin/sh
# Runs a command with the secrets of /run/secrets in its environment, which `ps` does not show.
#   db_password      → PGPASSWORD, which PostgreSQL's client reads for a --storage without a password
#   dashboard_token  → NAS_DASHBOARD_TOKEN
# With RAY_JOIN=HOST:PORT this container first becomes a node without CPUs of that Ray cluster: a driver needs one.
set -eu

secrets=${NAS_SECRETS:-/run/secrets}
if [ -r "$secrets/db_password" ]; then
    PGPASSWORD=$(cat "$secrets/db_password")
    export PGPASSWORD
fi
if [ -r "$secrets/dashboard_token" ]; then
    NAS_DASHBOARD_TOKEN=$(cat "$secrets/dashboard_token")
    export NAS_DASHBOARD_TOKEN
fi
if [ -n "${RAY_JOIN:-}" ]; then
    ray start --address="$RAY_JOIN" --num-cpus=0 --disable-usage-stats >/dev/null
fi
exec "$@"

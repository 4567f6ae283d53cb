#!/bin/sh
# ops/run.sh: `sh ops/run.sh [--with-env] PROGRAM ARGUMENT…` runs an installed program, for the scripts of package.json. Before `npm ci`,
# and on a Node that cannot read TypeScript, it says in one sentence what to do. --with-env: Node reads .env where there is one.
set -eu
cd "$(dirname "$0")/.."
NODE_MAJOR_MIN=24 # reads TypeScript files as they are

fail() {
  echo "$1" >&2
  exit 1
}

with_env=
if [ "$1" = --with-env ]; then
  shift
  if [ -f .env ]; then with_env=--env-file=.env; fi
fi
program=$1
shift

[ -d node_modules ] || fail 'Run npm ci first.'
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if [ ! -x "node_modules/.bin/$program" ]; then
  # Without the development dependencies, in production, Node is the machine's.
  [ "$program" = node ] || fail "Run npm ci first: $program is not installed."
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || major=0
  [ "$major" -ge "$NODE_MAJOR_MIN" ] ||
    fail "Run npm ci first: this needs Node $NODE_MAJOR_MIN or newer, which npm ci brings, and the machine has $(node --version 2>/dev/null || echo none)."
fi
exec "$program" ${with_env:+"$with_env"} "$@"

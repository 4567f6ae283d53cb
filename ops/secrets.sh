#!/bin/sh
# ops/secrets.sh: `npm run secrets`, or `sh ops/secrets.sh`. Writes what docker-compose.yml must not have a default for into .env.
# Needs no Node and no npm ci. What is there already stays as it is, because the database and the tokens in use depend on it.
set -eu
cd "$(dirname "$0")/.."
umask 077

fail() {
  echo "$1" >&2
  exit 1
}

# $1 random bytes in base64url. In a subshell, where a missing program must end the script too: an empty secret is no secret.
random() {
  bytes=$(head -c "$1" /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_')
  [ "${#bytes}" -eq $((($1 * 4 + 2) / 3)) ] || fail 'No random bytes could be made: /dev/urandom, head, base64 and tr are needed.'
  echo "$bytes"
}

# A cluster id as Kafka writes one: 16 bytes. A leading dash would be read as an option.
cluster_id() {
  id=$(random 16)
  case $id in
    -*) cluster_id ;;
    *) echo "$id" ;;
  esac
}

# The names in .env that have a value, one a line, as Node and compose read them: the last assignment counts, a value may stand in
# quotes and then go over several lines, and what follows # is a comment.
names_with_value() {
  awk '
    { line[NR] = $0 }
    function trimmed(text) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", text); return text }
    END {
      for (at = 1; at <= NR; at++) {
        if (line[at] !~ /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=/) continue
        name = line[at]; sub(/[ \t]*=.*/, "", name); sub(/^[ \t]*(export[ \t]+)?/, "", name)
        text = line[at]; sub(/^[^=]*=/, "", text); text = trimmed(text)
        quote = substr(text, 1, 1)
        if (quote == "\"" || quote == "\047" || quote == "`") {
          rest = substr(text, 2)
          for (last = at; index(rest, quote) == 0 && last < NR;) rest = rest "\n" line[++last]
          if (index(rest, quote) > 0) { has[name] = index(rest, quote) > 1; at = last; continue }
        }
        sub(/#.*/, "", text); has[name] = trimmed(text) != ""
      }
      for (name in has) if (has[name]) print name
    }
  ' "$1"
}

# Written whole and then renamed: a reader of .env sees the old one or the new one.
rm -f .env.new
trap 'rm -f .env.new' EXIT
if [ -e .env ]; then cat .env >.env.new; else : >.env.new; fi
if [ -n "$(tail -c 1 .env.new)" ]; then echo >>.env.new; fi

present=$(names_with_value .env.new)
added=
for name in JWT_SECRET METRICS_TOKEN POSTGRES_PASSWORD GRAFANA_ADMIN_PASSWORD KAFKA_CLUSTER_ID; do
  if printf '%s\n' "$present" | grep -qx "$name"; then continue; fi
  if [ "$name" = KAFKA_CLUSTER_ID ]; then value=$(cluster_id); else value=$(random 32); fi
  printf '%s=%s\n' "$name" "$value" >>.env.new
  added="$added${added:+, }$name"
done
mv -f .env.new .env

if [ -z "$added" ]; then echo '.env has every secret already.'; else echo "Added to .env: $added."; fi

#!/bin/sh
# A token to try byo-auth with, signed with $JWT_SECRET and good for 15 minutes: token.sh <e-mail> <organisation>
#
# Whoever can sign tokens is everybody: a real program gets them from where people sign in.
set -eu
[ $# -eq 2 ] && [ -n "${JWT_SECRET:-}" ] || { echo 'usage: JWT_SECRET=… token.sh <e-mail> <organisation>' >&2; exit 2; }

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

now=$(date +%s)
head=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url)
claims=$(printf '{"sub":"%s","email":"%s","organizationId":"%s","iat":%d,"exp":%d}' \
    "$1" "$1" "$2" "$now" $((now + 900)) | base64url)
signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -hmac "$JWT_SECRET" -binary | base64url)
printf '%s.%s.%s\n' "$head" "$claims" "$signature"

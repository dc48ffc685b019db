#!/usr/bin/env bash
# Copies the weights of a model from S3 to the instance's disk and verifies them by size.
#
# weights.tsv next to this script lists path, size and SHA-256 of each file; its first line shows if the weights were
# staged when the configuration was compiled, and their prefix in the bucket. If not, the list is what S3 has now. A file
# gets its name only when all of it is there, so that an interrupted copy goes on where it stopped.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'weights: %s\n' "$*" >&2; }
fail() {
  say "ERROR: $*"
  exit 1
}

missing=()
for name in AWS_REGION LOCAL_MODEL_PATH MODEL_NAME S3_BUCKET_MODELS; do
  [[ -n ${!name:-} ]] || missing+=("$name")
done
((${#missing[@]} == 0)) || fail "set these environment variables: ${missing[*]}"

bucket=$S3_BUCKET_MODELS
target=${LOCAL_MODEL_PATH%/}
read -r _ staged prefix <"$here/weights.tsv"
source_url="s3://$bucket/$prefix"
partial="$target/.partial"
marker="$target/.lisa-weights"
threads=${THREADS:-8}
attempts=${COPY_ATTEMPTS:-5}
pause=${COPY_PAUSE_SECONDS:-5}

size_of() { stat -c %s -- "$1" 2>/dev/null || echo -1; }

mount_bucket() {
  mkdir -p "$S3_MOUNT_POINT"
  mountpoint -q "$S3_MOUNT_POINT" && return
  mount-s3 "$bucket" "$S3_MOUNT_POINT" --prefix "$prefix/" --region "$AWS_REGION" --read-only >&2 ||
    fail "mount-s3 cannot mount $source_url at $S3_MOUNT_POINT: the container must be privileged and its role must read the bucket"
}

unmount_bucket() { umount "$S3_MOUNT_POINT" 2>/dev/null || say "$S3_MOUNT_POINT stays mounted"; }

# Prints path and size of each object of the model, separated by a tab.
list_source() {
  if [[ -n ${S3_MOUNT_POINT:-} ]]; then
    find "$S3_MOUNT_POINT" -type f -printf '%P\t%s\n'
  else
    s5cmd ls "$source_url/*" | awk '{ size = $3; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "") } $0 != "" && !/\/$/ { print $0 "\t" size }'
  fi
}

read_list() {
  local path size
  paths=()
  sizes=()
  while IFS=$'\t' read -r path size _; do
    case "/$path/" in
      */../* | //* | *\'*) fail "the name '$path' cannot be a file of a model" ;;
    esac
    paths+=("$path")
    sizes+=("$size")
  done <"$1"
}

# Sets `pending` to the positions of the files that are not here in full.
find_pending() {
  local i
  pending=()
  for i in "${!paths[@]}"; do
    [[ $(size_of "$target/${paths[i]}") == "${sizes[i]}" ]] || pending+=("$i")
  done
}

copy_pending() {
  local i
  for i in "${pending[@]}"; do
    mkdir -p "$(dirname -- "$partial/${paths[i]}")"
  done
  if [[ -n ${S3_MOUNT_POINT:-} ]]; then
    # The words of the command are $0 the mount point, $1 the target and $2 the path.
    # shellcheck disable=SC2016
    for i in "${pending[@]}"; do printf '%s\0' "${paths[i]}"; done |
      xargs -0 -n 1 -P "$threads" bash -c 'cp -- "$0/$2" "$1/$2"' "$S3_MOUNT_POINT" "$partial"
  else
    for i in "${pending[@]}"; do
      printf "cp --raw '%s/%s' '%s/%s'\n" "$source_url" "${paths[i]}" "$partial" "${paths[i]}"
    done | s5cmd --numworkers "$threads" run >/dev/null
  fi
}

# Gives the files that arrived in full their names.
keep_complete() {
  local i
  for i in "${pending[@]}"; do
    [[ $(size_of "$partial/${paths[i]}") == "${sizes[i]}" ]] || continue
    mkdir -p "$(dirname -- "$target/${paths[i]}")"
    mv -f -- "$partial/${paths[i]}" "$target/${paths[i]}"
  done
}

# What is on the disk may be of another model, or of the same one with other content.
discard_other_weights() {
  local wanted
  wanted="$source_url $(sha256sum <"$here/weights.tsv")"
  mkdir -p "$target"
  if [[ -f $marker && $(<"$marker") != "$wanted" ]]; then
    say "$target holds other weights: removing them"
    find "$target" -mindepth 1 -delete
  fi
  rm -rf -- "$partial"
  printf '%s\n' "$wanted" >"$marker"
}

check_shards() {
  local index="$target/model.safetensors.index.json" shard
  if [[ -f $index ]]; then
    while read -r shard; do
      [[ -s "$target/$shard" ]] || fail "model.safetensors.index.json names $shard, which $source_url does not have"
    done < <(grep -o '"[^"]*\.safetensors"' "$index" | tr -d '"' | sort -u)
  elif [[ ! -s "$target/model.safetensors" ]]; then
    fail "$source_url has neither model.safetensors nor model.safetensors.index.json: convert the model to safetensors"
  fi
}

[[ -z ${S3_MOUNT_POINT:-} ]] || mount_bucket
discard_other_weights

list=$(mktemp)
trap 'rm -f -- "$list"' EXIT
if [[ $staged == staged ]]; then
  tail -n +2 "$here/weights.tsv" >"$list"
else
  say "WARNING: the weights of $MODEL_NAME were not staged when the configuration was compiled: they are checked against the bucket alone"
  # Prefixes that name content are those of staged weights.
  list_source | sed -E '/^[0-9a-f]{64}\//d' >"$list" || fail "cannot list $source_url: check that the bucket exists and that the task role reads it"
  [[ -s $list ]] || fail "there is nothing at $source_url: stage the weights of the model first"
fi
read_list "$list"
find_pending

for ((attempt = 1; ${#pending[@]} > 0; attempt++)); do
  say "copying ${#pending[@]} of ${#paths[@]} files from $source_url to $target (attempt $attempt)"
  outcome=complete
  copy_pending || outcome=interrupted
  keep_complete
  find_pending
  ((${#pending[@]} > 0)) || break
  if [[ $outcome == complete ]]; then
    first=${pending[0]}
    fail "${paths[first]} has $(size_of "$partial/${paths[first]}") bytes in S3 and ${sizes[first]} in weights.json: stage the weights and compile again"
  fi
  ((attempt < attempts)) || fail "cannot copy from $source_url after $attempts attempts"
  sleep "$pause"
done

rm -rf -- "$partial"
[[ $staged == staged ]] || check_shards
[[ -z ${S3_MOUNT_POINT:-} ]] || unmount_bucket
say "${#paths[@]} files of $MODEL_NAME are complete at $target"

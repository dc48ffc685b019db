#!/bin/bash
# Mounts one file system over all instance store disks, with Docker's and containerd's directories on it:
# lisa-instance-store MOUNT_POINT DISKS.
# An existing file system is mounted (reboot); empty disks get a new one (first boot, and start after a stop).
set -Eeuo pipefail
mount_point=$1
expected=$2

fail() {
  trap - ERR
  echo "lisa-instance-store: $*. Docker and the ECS agent are not started." >&2
  exit 1
}
trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR

# Kernel names change between boots, serial numbers do not.
instance_store() {
  local model block
  for model in /sys/block/nvme*/device/model; do
    if grep -q 'Instance Storage' "$model" 2> /dev/null; then
      block=${model%/device/model}
      block=${block##*/}
      if [ -b "/dev/$block" ]; then echo "$(xargs < "/sys/block/$block/device/serial") $block"; fi
    fi
  done | LC_ALL=C sort | cut -d ' ' -f 2
}

# Stripes the disks given through the md driver's files in sysfs: no package has to be on the image. The array has no
# metadata on the disks; the order of the serial numbers gives the same array again after a reboot.
stripe() {
  local md=/sys/block/md_lisa/md slot=0 smallest=0 disk sectors size number member
  modprobe --all md_mod raid0 || fail "the kernel cannot stripe $*; use an image whose kernel has the raid0 driver"
  if [ ! -d "$md" ]; then echo md_lisa > /sys/module/md_mod/parameters/new_array; fi
  if [ "$(< "$md/array_state")" != clear ]; then echo clear > "$md/array_state"; fi
  for disk; do
    sectors=$(< "/sys/block/$disk/size")
    # In KiB, and in full chunks.
    size=$(((sectors - sectors % 1024) / 2))
    if [ "$smallest" -eq 0 ] || [ "$size" -lt "$smallest" ]; then smallest=$size; fi
  done
  echo none > "$md/metadata_version"
  echo raid0 > "$md/level"
  echo "$#" > "$md/raid_disks"
  echo 524288 > "$md/chunk_size"
  for disk; do
    number=$(< "/sys/block/$disk/dev")
    echo "$number" > "$md/new_dev"
    for member in "$md"/dev-*; do
      if [ "$(< "$member/block/dev")" = "$number" ]; then break; fi
    done
    echo "$smallest" > "$member/size"
    echo "$slot" > "$member/slot"
    slot=$((slot + 1))
  done
  echo active > "$md/array_state"
}

# With SELinux, what Docker and containers write has the types that it has on the root file system.
label() {
  if command -v selinuxenabled > /dev/null && selinuxenabled; then
    chcon "$@" || echo "lisa-instance-store: SELinux label not set: chcon $*" >&2
  fi
}

if grep -Eqs 'data-root|"graph"' /etc/docker/daemon.json /etc/sysconfig/docker; then
  fail "the image sets Docker's data root; remove data-root from its Docker configuration"
fi
if ! mountpoint -q "$mount_point"; then
  for _ in {1..30}; do
    mapfile -t disks < <(instance_store)
    set -- "${disks[@]}"
    if [ "$#" -ge "$expected" ]; then break; fi
    sleep 1
  done
  [ "$#" -ge "$expected" ] || fail "found $# of $expected instance store disks; check the instance type's instance store"
  if [ "$#" -gt 1 ]; then
    stripe "$@"
    device=/dev/md_lisa
  else
    device=/dev/$1
  fi
  mkdir -p "$mount_point"
  if ! mount -t xfs -o noatime "$device" "$mount_point" 2> /dev/null; then
    echo "lisa-instance-store: no file system on $device ($*), making one"
    mkfs.xfs -q -f -K -l su=32k "$device" || fail "mkfs.xfs failed on $device; use an image with xfsprogs"
    mount -t xfs -o noatime "$device" "$mount_point" || fail "cannot mount $device on $mount_point"
    label system_u:object_r:container_file_t:s0 "$mount_point"
  fi
fi
for directory in docker containerd; do
  mkdir -p "$mount_point/$directory" "/var/lib/$directory"
  if ! mountpoint -q "/var/lib/$directory"; then
    label --reference="/var/lib/$directory" "$mount_point/$directory"
    mount --bind "$mount_point/$directory" "/var/lib/$directory" || fail "cannot mount on /var/lib/$directory"
  fi
done
echo "lisa-instance-store: $(df --output=source,size --human-readable "$mount_point" | tail -n 1) at $mount_point"

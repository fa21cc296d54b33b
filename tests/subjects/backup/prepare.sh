#!/bin/sh
# Makes a bare Debian host one with data to back up, beside "another host" to keep it: a network namespace with an
# SSH server and an address of its own, made by hand as for a repository host that is not in the inventory.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -x /usr/bin/setfacl ] || [ ! -x /usr/bin/restic ] || [ ! -x /usr/bin/rclone ] || [ ! -x /usr/bin/pg_lsclusters ] || [ ! -x /usr/sbin/mariadbd ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends restic rclone acl attr openssh-client iproute2 postgresql mariadb-server
fi
id kijun-backup >/dev/null 2>&1 ||
    useradd --system --home-dir /var/lib/kijun-backup --no-create-home --shell /bin/sh --password '*' kijun-backup
mkdir -p /var/lib/kijun-backup/.ssh /srv/kijun-backup/museum /etc/vault /etc/kijun/backup
chmod 700 /etc/kijun/backup /srv/kijun-backup/museum
chown kijun-backup: /srv/kijun-backup/museum
[ -e /etc/vault/key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/vault/key
[ -e /etc/kijun/backup/ssh_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/kijun/backup/ssh_key
echo "backup $(cut -d' ' -f1,2 /etc/vault/key.pub)" >/etc/kijun/backup/known_hosts
chmod 600 /etc/kijun/backup/known_hosts
serve='exec /usr/bin/rclone --config /dev/null serve restic --stdio --append-only /srv/kijun-backup/museum'
echo "restrict,command=\"$serve\" $(cut -d' ' -f1,2 /etc/kijun/backup/ssh_key.pub) museum" \
    >/var/lib/kijun-backup/.ssh/authorized_keys
cat >/etc/vault/sshd_config <<'EOF'
ListenAddress 10.213.0.2
HostKey /etc/vault/key
UsePAM yes
PasswordAuthentication no
Subsystem sftp /usr/lib/openssh/sftp-server
PidFile /run/vault-sshd.pid
EOF
cat >/etc/systemd/system/vault.service <<'EOF'
[Unit]
Description=Another host, for tests: an SSH server in a network namespace
After=network.target

[Service]
ExecStartPre=-/usr/sbin/ip netns add vault
ExecStartPre=-/usr/sbin/ip link add vault0 type veth peer name vault1 netns vault
ExecStartPre=/usr/sbin/ip address replace 10.213.0.1/30 dev vault0
ExecStartPre=/usr/sbin/ip link set vault0 up
ExecStartPre=/usr/sbin/ip -n vault address replace 10.213.0.2/30 dev vault1
ExecStartPre=/usr/sbin/ip -n vault link set vault1 up
ExecStart=/usr/sbin/ip netns exec vault /usr/sbin/sshd -D -e -f /etc/vault/sshd_config
Restart=on-failure

[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable --quiet --now vault.service

# Data with owners, access control lists, attributes and links, and a disk of its own.
mkdir -p /srv/museum/works /srv/disk /var/lib/museum-disk
for number in 1 2 3 4 5 6 7 8; do head -c 20000 /dev/urandom >"/srv/museum/works/$number"; done
chown 1000:1000 /srv/museum/works/1
chmod 2750 /srv/museum/works
setfacl -m u:1000:rw /srv/museum/works/2
setfattr -n user.catalogue -v A-17 /srv/museum/works/3
ln -sf works/1 /srv/museum/newest
ln -f /srv/museum/works/4 /srv/museum/works/4-again
for number in 1 2 3; do head -c 20000 /dev/urandom >"/var/lib/museum-disk/scan-$number"; done
grep -q /srv/disk /etc/fstab || echo '/var/lib/museum-disk /srv/disk none bind 0 0' >>/etc/fstab
mountpoint -q /srv/disk || mount /srv/disk

# Databases of both kinds, with a role and an account that own something.
cd /
runuser -u postgres -- psql -qX <<'EOF'
select 'create role curator login' where not exists (select from pg_roles where rolname = 'curator') \gexec
select 'create database museum owner curator' where not exists (select from pg_database where datname = 'museum') \gexec
\c museum
create table if not exists works (id int primary key, title text not null, photo bytea);
insert into works select n, 'work ' || n, sha256(n::text::bytea) from generate_series(1, 2000) n on conflict do nothing;
alter table works owner to curator;
EOF
mariadb <<'EOF'
create database if not exists shop;
use shop;
create table if not exists tickets (id int primary key, visitor varchar(80) not null);
insert ignore into tickets select seq, concat('visitor ', seq) from seq_1_to_1500;
create user if not exists 'till'@'localhost' identified via unix_socket;
grant select, insert on shop.* to 'till'@'localhost';
EOF

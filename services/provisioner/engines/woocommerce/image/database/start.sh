#!/bin/sh
# Starts MariaDB on the volume, which it fills first when it is new.
#   DATABASE_NAME, DATABASE_USER      what the shop uses
#   DATABASE_PASSWORD_FILE            its password
#   DATABASE_POOL                     the InnoDB pool, like 64M
set -eu

volume=/var/lib/mysql
# A folder that is filled under another name and then renamed is whole or isn't there, whenever this is killed.
if [ ! -d "$volume/data" ]; then
	echo "The volume is new: making a database."
	rm -rf "$volume/new"
	mariadb-install-db --no-defaults --datadir="$volume/new" --skip-test-db --innodb-log-file-size=32M \
		--auth-root-authentication-method=socket --auth-root-socket-user=mysql >/dev/null
	sync
	mv "$volume/new" "$volume/data"
fi

# Run before the first client is served, at each start: so a database that was restored has its user, too.
umask 077
password=$(cat "$DATABASE_PASSWORD_FILE")
cat >/run/mysqld/init.sql <<SQL
CREATE DATABASE IF NOT EXISTS \`$DATABASE_NAME\` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$DATABASE_USER'@'%' IDENTIFIED BY '$password';
ALTER USER '$DATABASE_USER'@'%' IDENTIFIED BY '$password';
GRANT ALL ON \`$DATABASE_NAME\`.* TO '$DATABASE_USER'@'%';
SQL
umask 027
exec mariadbd --init-file=/run/mysqld/init.sql --innodb-buffer-pool-size="${DATABASE_POOL:-64M}"

#!/bin/sh
# debian-wordpress.sh DIR: unpacks Debian's WordPress into DIR. Packages are unpacked, not installed: installed they would
# bring a web server of their own. apt has verified them against Debian's signature by then.
set -eu

dir=$1
packages=$(mktemp -d)
# apt gives up its rights to download, so the folder must be open to its user.
chmod 0755 "$packages" && chown _apt "$packages"
apt-get update
(cd "$packages" && apt-get download wordpress wordpress-theme-twentytwentythree libjs-cropper libjs-underscore php-getid3)
for package in "$packages"/*.deb; do
	dpkg-deb --extract "$package" /
done
mkdir -p "$dir"
# Debian links to its own copies of libraries; an image has no such packages, so the links are followed.
cp -RL /usr/share/wordpress/. "$dir"

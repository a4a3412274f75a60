#!/bin/sh
# fetch-wordpress.sh VERSION SHA1 DIR: puts WordPress into DIR, from its own archive, or from Debian's package where that
# can't be reached.
set -eu

version=$1 sha1=$2 dir=$3
build=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
code=0
"$build/fetch.sh" "https://wordpress.org/wordpress-$version.tar.gz" "$work/wordpress.tar.gz" || code=$?
case $code in
0)
	echo "$sha1  $work/wordpress.tar.gz" | sha1sum --check --strict -
	mkdir -p "$dir"
	tar -xzf "$work/wordpress.tar.gz" -C "$dir" --strip-components=1
	;;
10)
	echo "wordpress.org can't be reached: Debian's WordPress stands in for WordPress $version."
	"$build/debian-wordpress.sh" "$dir"
	;;
*)
	echo "WordPress $version can't be fetched from wordpress.org." >&2
	exit 1
	;;
esac

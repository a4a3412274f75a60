#!/bin/sh
# fetch-plugin.sh PLUGIN VERSION DIR: puts a plugin into DIR when each of its files is what wordpress.org lists for that
# version. Where wordpress.org can't be reached DIR stays empty.
set -eu

plugin=$1 version=$2 dir=$3
build=$(dirname "$0")
site=https://downloads.wordpress.org
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dir"

# fetch URL FILE
fetch() {
	code=0
	"$build/fetch.sh" "$1" "$2" || code=$?
	case $code in
	0) ;;
	10)
		echo "downloads.wordpress.org can't be reached: the image is built without the plugin $plugin $version."
		exit 0
		;;
	*)
		echo "$1 can't be fetched." >&2
		exit 1
		;;
	esac
}

fetch "$site/plugin-checksums/$plugin/$version.json" "$work/checksums.json"
fetch "$site/plugin/$plugin.$version.zip" "$work/plugin.zip"
unzip -q "$work/plugin.zip" -d "$work/unpacked"
php "$build/verify-plugin.php" "$work/checksums.json" "$work/unpacked/$plugin" "$plugin" "$version"
cp -R "$work/unpacked/$plugin/." "$dir"

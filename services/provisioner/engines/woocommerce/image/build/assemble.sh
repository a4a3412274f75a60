#!/bin/sh
# assemble.sh CODE PLUGIN: makes one tree of WordPress and the plugin, and leaves out what a store never runs.
set -eu

code=$1 plugin=$2
if [ ! -f "$code/wp-load.php" ]; then
	echo "The folder given for WordPress holds no WordPress: wp-load.php is missing." >&2
	exit 1
fi

cd "$code"
# The installers: a store is installed by its init containers, and by nobody else.
rm -f wp-admin/install.php wp-admin/setup-config.php wp-config-sample.php wp-config.php readme.html xmlrpc.php
rm -rf wp-content/plugins wp-content/mu-plugins wp-content/uploads
mkdir -p wp-content/plugins wp-content/mu-plugins wp-content/uploads
# One theme is enough; of WordPress's own the names sort by nothing useful, so the newest are tried in order.
for theme in twentytwentyfive twentytwentyfour twentytwentythree; do
	if [ -d "wp-content/themes/$theme" ]; then
		find wp-content/themes -mindepth 1 -maxdepth 1 -type d ! -name "$theme" -exec rm -rf {} +
		break
	fi
done

if [ -f "$plugin/woocommerce.php" ]; then
	php "$(dirname "$0")/check-versions.php" "$code" "$plugin/woocommerce.php"
	cp -R "$plugin" wp-content/plugins/woocommerce
elif [ -n "$(ls -A "$plugin")" ]; then
	echo "The folder given for the plugin holds no WooCommerce: woocommerce.php is missing." >&2
	exit 1
else
	echo "No WooCommerce in this image: its stores will say so and fail. Hand the plugin in by WOO_PLUGIN_DIR."
fi

find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.pot' \) -delete
find . -type d -exec chmod 0755 {} + -o -type f -exec chmod 0644 {} +

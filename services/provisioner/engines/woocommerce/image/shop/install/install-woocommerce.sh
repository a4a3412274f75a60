#!/bin/sh
# Switches WooCommerce on and makes a shop of it. Two processes: a plugin that is activated isn't loaded as it is in a
# shop, where WordPress loads it at the start.
set -eu

install=$(dirname "$0")
if [ ! -f /var/www/shop/wp-content/plugins/woocommerce/woocommerce.php ]; then
	echo "The image holds no WooCommerce: build it with WOO_PLUGIN_DIR, or where wordpress.org can be reached." >&2
	# engine.yaml says what this code means.
	exit 78
fi
php "$install/activate-woocommerce.php"
php "$install/set-up-shop.php"

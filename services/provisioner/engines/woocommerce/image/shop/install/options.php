<?php
// What a merchant chooses in the platform. It is taken over when it differs from what the platform said last: what a
// merchant has changed in WordPress since stays as it is.

function apply_options(): void
{
    $applied = get_option('store_platform_options', []);
    $wanted = [
        'title' => store_setting('SHOP_TITLE'),
        'currency' => store_setting('SHOP_CURRENCY'),
        'country' => store_setting('SHOP_COUNTRY'),
    ];
    foreach ($wanted as $name => $value) {
        if (($applied[$name] ?? null) !== $value) {
            ("apply_$name")($value);
        }
    }
    update_option('store_platform_options', $wanted, false);
}

function apply_title(string $title): void
{
    update_option('blogname', $title);
}

function apply_currency(string $currency): void
{
    update_option('woocommerce_currency', $currency);
    update_option('woocommerce_price_num_decimals', $currency === 'JPY' ? 0 : 2);
}

// apply_country also takes over how people write prices and sizes there.
function apply_country(string $country): void
{
    update_option('woocommerce_default_country', $country);
    $locale = (include WC()->plugin_path() . '/i18n/locale-info.php')[$country] ?? [];
    $options = [
        'currency_pos' => 'woocommerce_currency_pos',
        'thousand_sep' => 'woocommerce_price_thousand_sep',
        'decimal_sep' => 'woocommerce_price_decimal_sep',
        'weight_unit' => 'woocommerce_weight_unit',
        'dimension_unit' => 'woocommerce_dimension_unit',
    ];
    foreach ($options as $field => $option) {
        if (isset($locale[$field])) {
            update_option($option, $locale[$field]);
        }
    }
}

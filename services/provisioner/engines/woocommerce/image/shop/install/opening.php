<?php
// The settings with which a shop sells from its first minute.

function open_shop(): void
{
    $settings = [
        // On by default: visitors would see a curtain.
        'woocommerce_coming_soon' => 'no',
        'woocommerce_store_pages_only' => 'no',
        'woocommerce_custom_orders_table_enabled' => 'yes',
        'woocommerce_custom_orders_table_data_sync_enabled' => 'no',
        'woocommerce_calc_taxes' => 'no',
        'woocommerce_enable_guest_checkout' => 'yes',
        'woocommerce_allowed_countries' => 'all',
        'woocommerce_checkout_phone_field' => 'optional',
        // The platform has asked what the wizard would.
        'woocommerce_onboarding_profile' => ['skipped' => true],
        'woocommerce_task_list_hidden' => 'yes',
        'woocommerce_extended_task_list_hidden' => 'yes',
        // Neither works without a way out.
        'woocommerce_allow_tracking' => 'no',
        'woocommerce_show_marketplace_suggestions' => 'no',
    ];
    foreach ($settings as $name => $value) {
        update_option($name, $value);
    }
    delete_transient('_wc_activation_redirect');
}

// ship_and_pay lets orders be paid on delivery, the only way to pay that needs no contract, and sends them anywhere for
// nothing: the merchant knows what it costs, we don't.
function ship_and_pay(): void
{
    update_option('woocommerce_cod_settings', [
        'enabled' => 'yes',
        'title' => 'Cash on delivery',
        'description' => 'Pay with cash when your order arrives.',
        'instructions' => 'Pay with cash when your order arrives.',
        'enable_for_methods' => [],
        'enable_for_virtual' => 'yes',
    ]);
    // Zone 0 is every place that no other zone names.
    $everywhere = new WC_Shipping_Zone(0);
    if (!$everywhere->get_shipping_methods()) {
        $everywhere->add_shipping_method('free_shipping');
    }
}

<?php
// The sample products in the order of the shop window: SKU, name, category, price in euros, what is said about it, the
// colours of its picture (ground, body, accent) and the shape that is drawn (art.php).

return [
    ['harbour-mug', 'Harbour Mug', 'Kitchen', 18.00, 'A stoneware mug with a handle for three fingers. Keeps coffee warm through a slow morning.', ['#f3ead9', '#34748a', '#2c5f6f'], 'mug'],
    ['window-lamp', 'Window Lamp', 'Home', 74.00, 'A small lamp for the sill, with a linen shade. Gives as much light as a page needs and no more.', ['#e8e4ee', '#d9a441', '#4a4458'], 'lamp'],
    ['field-notebook', 'Field Notebook', 'Desk', 12.50, 'A hundred and twenty dotted pages that lie flat. Sewn, not glued.', ['#e3ece6', '#7a3b3b', '#e2c58f'], 'book'],
    ['terrace-pot', 'Terrace Pot', 'Home', 24.00, 'A terracotta pot with its saucer. Unglazed, so that roots can breathe.', ['#eef0e2', '#b9603c', '#5d8a57'], 'pot'],
    ['linen-tote', 'Linen Tote', 'Home', 29.00, 'Heavy washed linen that holds a week of vegetables or a laptop.', ['#e4eaf0', '#c8b28a', '#8a7550'], 'bag'],
    ['slow-clock', 'Slow Clock', 'Home', 56.00, 'A wall clock without a ticking hand, so it can hang in a bedroom.', ['#f0e6e2', '#e3cfa5', '#3c3c3c'], 'clock'],
    ['evening-candle', 'Evening Candle', 'Home', 16.00, 'Rapeseed wax, fig leaf and cedar, for about forty evenings.', ['#2f3e46', '#f1e3c6', '#e39b3b'], 'candle'],
    ['pour-over', 'Pour-over Set', 'Kitchen', 42.00, 'A glass carafe and a cone for two cups, with a collar of oak.', ['#efe9e0', '#9cc0c6', '#8a5a36'], 'carafe'],
    ['desk-tray', 'Desk Tray', 'Desk', 33.00, 'A place for the pen, the clip and the key, milled from one piece of oak.', ['#e6ebe8', '#a9784a', '#7c5431'], 'tray'],
    ['wool-throw', 'Wool Throw', 'Home', 89.00, 'Lambswool in two colours that go with each other. Large enough for two.', ['#f2ece4', '#7d8ca3', '#c9703f'], 'throw'],
    ['garden-tea', 'Garden Tea', 'Kitchen', 9.50, 'Lemon balm, mint and a little marigold, for about thirty pots.', ['#f0efdf', '#6f9a6a', '#e0b94d'], 'tin'],
    ['pocket-kite', 'Pocket Kite', 'Home', 21.00, 'Flies in a light wind and folds into its own bag.', ['#d7e8f2', '#d9534a', '#f2c14e'], 'kite'],
];

<?php
// Pictures of the sample products, drawn instead of shipped: a few plain shapes on a ground, twice as large as needed
// and then made smaller, which smooths their edges.

const CANVAS = 1200;

// picture draws, keeps and registers a product's picture, unless a run before has done so. It answers its id.
function picture(string $sku, string $title, array $colours, string $shape): int
{
    $there = get_page_by_path("$sku-picture", OBJECT, 'attachment');
    if ($there) {
        return $there->ID;
    }
    $file = wp_upload_dir()['path'] . "/$sku.jpg";
    imagejpeg(imagescale(draw($colours, $shape), 800, 800, IMG_BICUBIC), $file, 88);
    $id = wp_insert_attachment([
        'post_name' => "$sku-picture",
        'post_title' => $title,
        'post_mime_type' => 'image/jpeg',
        'post_status' => 'inherit',
    ], $file);
    update_post_meta($id, '_wp_attachment_image_alt', $title);
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $file));
    return $id;
}

function draw(array $colours, string $shape): GdImage
{
    $image = imagecreatetruecolor(CANVAS, CANVAS);
    [$ground, $body, $accent] = array_map(fn ($hex) => imagecolorallocate($image, ...sscanf($hex, '#%02x%02x%02x')), $colours);
    imagefill($image, 0, 0, $ground);
    $shadow = imagecolorallocatealpha($image, 0, 0, 0, 108);
    imagefilledellipse($image, 600, 985, 620, 70, $shadow);
    foreach (shapes($shape) as [$kind, $colour, $points]) {
        $fill = ['body' => $body, 'accent' => $accent, 'ground' => $ground][$colour];
        match ($kind) {
            'ellipse' => imagefilledellipse($image, ...[...$points, $fill]),
            'polygon' => imagefilledpolygon($image, $points, $fill),
        };
    }
    return $image;
}

// shapes lists what a picture is made of, from the back to the front: ellipses by centre and size, polygons by corners.
function shapes(string $shape): array
{
    return match ($shape) {
        'mug' => [
            ['ellipse', 'accent', [820, 660, 300, 320]], ['ellipse', 'ground', [820, 660, 180, 200]],
            ['polygon', 'body', [320, 400, 800, 400, 770, 960, 350, 960]], ['ellipse', 'body', [560, 960, 420, 70]],
            ['ellipse', 'accent', [560, 400, 480, 90]],
        ],
        'lamp' => [
            ['ellipse', 'accent', [600, 960, 360, 70]], ['polygon', 'accent', [585, 560, 615, 560, 615, 960, 585, 960]],
            ['polygon', 'body', [470, 240, 730, 240, 840, 600, 360, 600]],
        ],
        'book' => [
            ['polygon', 'body', [330, 240, 850, 240, 850, 980, 330, 980]], ['polygon', 'accent', [330, 240, 390, 240, 390, 980, 330, 980]],
            ['polygon', 'accent', [760, 240, 785, 240, 785, 980, 760, 980]],
        ],
        'pot' => [
            ['ellipse', 'accent', [470, 350, 190, 420]], ['ellipse', 'accent', [730, 350, 190, 420]], ['ellipse', 'accent', [600, 290, 190, 500]],
            ['polygon', 'body', [340, 520, 860, 520, 860, 610, 340, 610]], ['polygon', 'body', [390, 610, 810, 610, 740, 970, 460, 970]],
        ],
        'bag' => [
            ['ellipse', 'accent', [600, 420, 360, 460]], ['ellipse', 'ground', [600, 420, 290, 390]],
            ['polygon', 'body', [320, 420, 880, 420, 930, 980, 270, 980]], ['polygon', 'accent', [500, 560, 700, 560, 700, 580, 500, 580]],
        ],
        'clock' => [
            ['ellipse', 'accent', [600, 580, 720, 720]], ['ellipse', 'body', [600, 580, 670, 670]],
            ['polygon', 'accent', [588, 330, 612, 330, 612, 590, 588, 590]], ['polygon', 'accent', [595, 565, 775, 665, 763, 687, 588, 592]],
            ['ellipse', 'accent', [600, 580, 50, 50]],
        ],
        'candle' => [
            ['ellipse', 'accent', [600, 330, 90, 200]], ['polygon', 'accent', [593, 400, 607, 400, 607, 500, 593, 500]],
            ['polygon', 'body', [420, 490, 780, 490, 780, 960, 420, 960]], ['ellipse', 'body', [600, 960, 360, 60]], ['ellipse', 'ground', [600, 490, 360, 50]],
        ],
        'carafe' => [
            ['polygon', 'body', [380, 230, 820, 230, 640, 520, 560, 520]], ['polygon', 'accent', [530, 500, 670, 500, 690, 620, 510, 620]],
            ['polygon', 'body', [530, 610, 670, 610, 830, 900, 800, 970, 400, 970, 370, 900]], ['polygon', 'accent', [400, 830, 800, 830, 830, 900, 800, 970, 400, 970, 370, 900]],
        ],
        'tray' => [
            ['polygon', 'body', [200, 620, 1000, 620, 1060, 980, 140, 980]], ['polygon', 'accent', [250, 670, 430, 670, 400, 930, 210, 930]],
            ['polygon', 'accent', [480, 670, 720, 670, 740, 930, 460, 930]], ['polygon', 'accent', [770, 670, 950, 670, 990, 930, 800, 930]],
        ],
        'throw' => [
            ['polygon', 'body', [280, 300, 900, 300, 940, 980, 240, 980]], ['polygon', 'accent', [268, 500, 912, 500, 920, 640, 260, 640]],
            ['polygon', 'accent', [250, 820, 930, 820, 932, 860, 248, 860]],
        ],
        'tin' => [
            ['polygon', 'body', [380, 380, 820, 380, 820, 960, 380, 960]], ['ellipse', 'body', [600, 960, 440, 70]], ['polygon', 'accent', [360, 320, 840, 320, 840, 430, 360, 430]],
            ['ellipse', 'accent', [600, 320, 480, 70]], ['ellipse', 'ground', [600, 690, 260, 260]], ['ellipse', 'accent', [600, 690, 120, 120]],
        ],
        'kite' => [
            ['polygon', 'body', [620, 160, 900, 470, 620, 860, 340, 470]], ['polygon', 'accent', [620, 160, 900, 470, 620, 470]],
            ['polygon', 'accent', [340, 470, 620, 470, 620, 860]], ['polygon', 'body', [610, 860, 630, 860, 540, 1010, 525, 1000]],
        ],
    };
}

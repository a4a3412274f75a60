<?php
// Whether who asks may send a large body: nginx asks this before it reads one, of who shows something to be known by. A
// cookie's name can be made up, so WordPress says whose it is; and a shop lets anybody have an account, so that isn't enough.

require '/var/www/shop/wp-load.php';
// An application's password is taken where WordPress's API is asked, and what asks for that is the request behind this one.
add_filter('application_password_is_api_request', '__return_true');
http_response_code(current_user_can('upload_files') ? 204 : 401);

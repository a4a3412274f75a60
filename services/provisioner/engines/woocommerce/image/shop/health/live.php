<?php
// Whether PHP answers. It asks nothing else: with the database down, starting anew would mend nothing.
header('Content-Type: text/plain');
echo "alive\n";

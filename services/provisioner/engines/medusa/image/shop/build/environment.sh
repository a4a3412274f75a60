# Values for a shop that never leaves the build. Sourced by the scripts here; none of them ends in an image.
export PATH=/opt/node/bin:$PATH NODE_ENV=production MEDUSA_DISABLE_TELEMETRY=true LOG_LEVEL=warn
# Not /tmp: what the steps before have left there is another user's.
HOME=$(mktemp -d)
export HOME
# A build may share the network of its machine, where the usual ports are taken.
free='const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
PORT=$(node -e "$free") DATABASE_PORT=$(node -e "$free")
export PORT DATABASE_PORT STORE_URL=http://shop.invalid
export DATABASE_HOST=127.0.0.1 DATABASE_NAME=template DATABASE_USER=shop DATABASE_PASSWORD=build
export JWT_SECRET=build COOKIE_SECRET=build ADMIN_EMAIL=admin@shop.invalid ADMIN_PASSWORD=build
export SHOP_TITLE=Rehearsal SHOP_CURRENCY=JPY SHOP_COUNTRY=JP SHOP_SAMPLE_PRODUCTS=12

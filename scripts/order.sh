#!/usr/bin/env bash
# Buys something in a Ready sample store, as a customer, and finds the order in the list that only the merchant can open.
# usage: order.sh [STORE]   the newest Ready store when none is named
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

id=${1:-}
if [[ -z $id ]]; then
  id=$(field id "$(ask GET '/stores?status=Ready&limit=1')") || die "no store is Ready; scripts/demo.sh makes one"
fi
url=$(field url "$(ask GET "/stores/$id")") || die "store $id has no URL yet"

products=$(visit "$url/api/products") || die "the shop doesn't answer: $products"
sku=$(field sku "$products") || die "the shop sells nothing: $products"

order=$(visit "$url/api/orders" --header 'Content-Type: application/json' --data '{
  "items": [{"sku": "'"$sku"'", "quantity": 2}],
  "customer": {"name": "Ada Example", "email": "ada@example.org", "street": "1 Example Street",
               "postalCode": "12345", "city": "Exampleton", "country": "Wonderland"}}') || die "the order was refused: $order"
number=$(field id "$order") || die "an order without an id: $order"
say "ordered 2 of $sku: order $number"

credentials=$(ask GET "/stores/$id/credentials")
username=$(field username "$credentials") || die "store $id has no credentials"
password=$(field password "$credentials") || die "store $id has no password"
# By standard input: what stands in a command line can be read by every user of the machine.
orders=$(visit "$url/api/orders" --config - <<<"user = \"$username:$password\"") || die "the order list doesn't open: $orders"
[[ $orders == *"\"$number\""* ]] || die "order $number isn't in the list: $orders"
if visit "$url/api/orders" --output /dev/null 2>/dev/null; then die "the order list opens without a password"; fi
say "it is in the order list, which opens with the store's password only"

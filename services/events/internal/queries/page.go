package queries

// page is the first count of the items, and where the next page begins: behind the last of them, by its cursor, unless nothing is left
// there. more says that there are others than the items.
func page[T, C any](items []T, count int, more bool, cursor func(last int) C) (carried []T, next C) {
	if more || count < len(items) {
		next = cursor(count - 1)
	}
	return items[:count], next
}

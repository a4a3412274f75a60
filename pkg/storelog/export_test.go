package storelog

// Reaching has the log look through at most so many sequences.
func (l *Log) Reaching(sequences uint64) *Log {
	other := *l
	other.reach = sequences
	return &other
}

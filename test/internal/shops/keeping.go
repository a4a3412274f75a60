package shops

// Keeping is where a shop keeps what it is given, and the causes that it tells when it can't.
type Keeping struct {
	// Files are on a volume that the shop writes to itself.
	Files Volume
	// Database is nil for a shop without one.
	Database *Database
}

// Volume is a claim, and the causes for when it is full and when it can't be written to.
type Volume struct{ Claim, Full, ReadOnly string }

// Database is a server on a volume of its own. It can be told to take no writes: by Close, and by Open that it may again,
// which are commands that User runs in the pod of Workload.
type Database struct {
	Volume
	Workload, User string
	Close, Open    []string
}

var keeping = map[string]Keeping{
	"sample": {Files: Volume{"store-data", "OrdersVolumeFull", "OrdersReadOnly"}},
	"medusa": {
		Files: Volume{"store-files", "FilesFull", "FilesReadOnly"},
		Database: &Database{
			Volume: Volume{"store-database", "DatabaseFull", "DatabaseReadOnly"}, Workload: "database", User: "999",
			Close: psql("alter system set default_transaction_read_only = on"),
			Open:  psql("alter system reset default_transaction_read_only"),
		},
	},
	"woocommerce": {
		Files: Volume{"store-uploads", "UploadsFull", "UploadsReadOnly"},
		Database: &Database{
			Volume: Volume{"store-database", "DatabaseFull", "DatabaseReadOnly"}, Workload: "database", User: "999",
			Close: []string{"mariadb", "--execute=SET GLOBAL read_only = ON"},
			Open:  []string{"mariadb", "--execute=SET GLOBAL read_only = OFF"},
		},
	},
}

func psql(change string) []string {
	const reload = "--command=select pg_reload_conf()"
	return []string{"psql", "--host=/run/postgresql", "--username=postgres", "--command=" + change, reload}
}

// KeepingOf is that of an engine's shop.
func KeepingOf(engine string) Keeping { return keeping[engine] }

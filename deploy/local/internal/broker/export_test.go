package broker

// What an installation of several clusters will be given.
var (
	ConfigFor = configFor
	UsersOf   = usersOf
	Named     = named
)

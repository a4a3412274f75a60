"use strict"

// What the admin pages need to know when they are built: nothing. They ask the server that they come from.
module.exports = { projectConfig: { http: {} }, admin: { backendUrl: "/" } }

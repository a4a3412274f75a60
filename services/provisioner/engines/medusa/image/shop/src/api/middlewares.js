"use strict"

const { authenticate, defineMiddlewares } = require("@medusajs/framework/http")

module.exports = {
  default: defineMiddlewares({
    routes: [{ matcher: "/static/:file", middlewares: [authenticate("user", ["session", "bearer"])] }],
  }),
}

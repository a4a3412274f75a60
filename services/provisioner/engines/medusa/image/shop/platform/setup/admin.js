"use strict"

const { Modules } = require("@medusajs/framework/utils")
const { createUserAccountWorkflow } = require("@medusajs/core-flows")
const { required } = require("../settings")

// ensureAdmin makes the merchant's account. An account is three things written one after the other: the identity with its
// password, the user, and the identity's word for which user it is.
async function ensureAdmin(container) {
  const auth = container.resolve(Modules.AUTH)
  const email = required("ADMIN_EMAIL")
  const password = required("ADMIN_PASSWORD")

  const [known] = await auth.listProviderIdentities({ entity_id: email, provider: "emailpass" })
  if (!known) {
    const made = await auth.register("emailpass", { body: { email, password } })
    if (!made.success) {
      throw new Error(`make the account: ${made.error}`)
    }
  }
  const [provider] = await auth.listProviderIdentities({ entity_id: email, provider: "emailpass" })
  const identity = await auth.retrieveAuthIdentity(provider.auth_identity_id)
  const [user] = await container.resolve(Modules.USER).listUsers({ email })
  if (!user) {
    await createUserAccountWorkflow(container).run({
      input: { authIdentityId: identity.id, userData: { email, first_name: "Shop", last_name: "Owner" } },
    })
  } else if (identity.app_metadata?.user_id !== user.id) {
    await auth.updateAuthIdentities({ id: identity.id, app_metadata: { ...identity.app_metadata, user_id: user.id } })
  }
}

module.exports = { ensureAdmin }

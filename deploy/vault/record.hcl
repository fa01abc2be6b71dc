# What the exchange (comityd) may do with the key of its log, and nothing else.
# MOUNT stands for the name of the exchange's mount, as in "comity-exchange".

# Sign checkpoints, and read the public half of the key. It is not made, rotated,
# exported or configured by this login.
path "MOUNT/record/sign/log" {
  capabilities = ["update"]
}
path "MOUNT/record/keys/log" {
  capabilities = ["read"]
}

# Its own token: renew it, and give it back. Vault's default policy is not attached.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# What a state's custodian (comityd) may do in the state's Vault, and nothing else.
# MOUNT stands for the name of the state's mounts, as in "comity-kz".
#
# "+" is exactly one segment of a path. A glob such as keys/case-* would also
# match keys/case-1/config and keys/case-1/rotate.

# Make a case's key. Only derived AES-256 keys can be made, so that a key is of
# no use without the context that names what it opens. Nothing that already
# exists is changed by it. No read or list; keys/NAME/rotate,
# /import, /trim and everything else below it match nothing here.
path "MOUNT/cases/keys/+" {
  capabilities        = ["create", "update", "delete"]
  required_parameters = ["type", "derived"]
  allowed_parameters = {
    "type"    = ["aes256-gcm96"]
    "derived" = [true]
  }
}

# Destroy a case's key, which is its withdrawal: make it deletable, and delete
# it. Nothing else of a key's configuration can be changed. The custodian does so
# only over a withdrawal that two officers of the authority signed three days before.
path "MOUNT/cases/keys/+/config" {
  capabilities        = ["update"]
  required_parameters = ["deletion_allowed"]
  allowed_parameters = {
    "deletion_allowed" = [true]
  }
}

# Make and open data keys. "create" is not granted, which would let a call make
# a missing key; encrypt, rewrap, export and backup are not granted at all.
path "MOUNT/cases/datakey/plaintext/+" {
  capabilities = ["update"]
}
path "MOUNT/cases/decrypt/+" {
  capabilities = ["update"]
}

# Sign statements, and read the public half of the key.
path "MOUNT/statements/sign/statements" {
  capabilities = ["update"]
}
path "MOUNT/statements/keys/statements" {
  capabilities = ["read"]
}

# The register: entries are written under check-and-set, which the mount
# requires, and never deleted, listed or rolled out of their history.
path "MOUNT/register/data/case/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/category/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/team/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/undertaking/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/grant/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/evidence/+" {
  capabilities = ["create", "read", "update"]
}
path "MOUNT/register/data/manifest/+" {
  capabilities = ["create", "read", "update"]
}

# Its own token: renew it, and give it back. Vault's default policy is not attached.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

// Prints the names that JavaScript knows the fields of each message by, but for those of a oneof.

import { definition } from './finlink.mjs'

const names = Object.entries(definition)
  .filter(([name, one]) => name.startsWith('finlink.config.v1.') && one.deserialize)
  .map(([name, message]) => [name, Object.keys(message.deserialize(Buffer.alloc(0)))])
console.log(JSON.stringify(Object.fromEntries(names)))

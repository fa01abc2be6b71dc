import { version } from "graphql";
process.stdout.write(JSON.stringify({ graphql: version, args: process.argv.slice(2) }));

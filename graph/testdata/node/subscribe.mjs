// Subscribes by the reference clients graphql-sse and graphql-ws, and prints what they
// are told, a JSON object in each line. Standard input says how, as a JSON object.
import { readFileSync } from 'node:fs';
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import WebSocket from 'ws';

const { protocol, url, headers, params, query, variables, stopAfter } = JSON.parse(readFileSync(0, 'utf8'));
const print = (line) => console.log(JSON.stringify(line));

let client;
if (protocol === 'sse') {
  client = createSSE({ url, headers: () => headers, retryAttempts: 0 });
} else {
  class Socket extends WebSocket {
    constructor(address, protocols) {
      super(address, protocols, { headers });
    }
  }
  client = createWS({
    url,
    webSocketImpl: Socket,
    connectionParams: params,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
    on: { closed: (event) => print({ closed: event.code }) },
  });
}

let told = 0;
const stop = client.subscribe(
  { query, variables },
  {
    next: (result) => {
      print({ next: result });
      if (++told === stopAfter) stop();
    },
    error: (error) => {
      print({ error: Array.isArray(error) ? error : { message: error.message, status: error.response?.status, code: error.code } });
      client.dispose();
    },
    complete: () => {
      print({ complete: true });
      client.dispose();
    },
  },
);

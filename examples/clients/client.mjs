// A synchronous and an asynchronous send through `mqtt-connector serve`, with the fetch of Node 18 or later.
//
//     MQTT_SERVICE=http://127.0.0.1:8080 MQTT_TOKEN=… node client.mjs

const { MQTT_SERVICE, MQTT_TOKEN } = process.env;

async function call(path, document, headers = {}) {
  const answer = await fetch(MQTT_SERVICE + path, {
    method: document === undefined ? "GET" : "POST",
    headers: { Authorization: `Bearer ${MQTT_TOKEN}`, "Content-Type": "application/json", ...headers },
    body: document === undefined ? undefined : JSON.stringify(document),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.title}: ${body.detail}`);
  return body;
}

// Waits until the broker has it. The key makes it safe to ask again when no answer comes.
const sent = await call("/v1/send", { content: "from Node" }, { "Idempotency-Key": "node-1" });
console.log(sent.meta["exit-code"], sent.delivery, sent.meta.message);

// Accepted, and looked at later.
const { id } = await call("/v1/executions", { request: { content: "from Node, later" } });
const execution = await call(`/v1/executions/${id}?wait=30`);
console.log(execution.status, execution.meta["exit-code"]);

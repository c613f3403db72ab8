// What people write: fastify in front of one MQTT connection, which waits for PUBACK.
import Fastify from "fastify";
import mqtt from "mqtt";

const [port, broker] = process.argv.slice(2);
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`, { clientId: "fastify" });
const app = Fastify();
app.post("/v1/send", async (request) => {
  await client.publishAsync("bench", request.body.content, { qos: 1 });
  return { meta: { "exit-code": 0, message: "sent" } };
});
await app.listen({ host: "127.0.0.1", port: Number(port) });
console.log("listening on", port);

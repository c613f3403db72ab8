"""One-shot or batch, as a script would do it: PORT TOPIC QOS WINDOW, lines on standard input."""
import sys
import paho.mqtt.client as mqtt

port, topic, qos, window = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="paho")
client.max_inflight_messages_set(window)
client.connect("127.0.0.1", port)
client.loop_start()
sent = [client.publish(topic, line.rstrip("\n"), qos) for line in sys.stdin]
for message in sent:
    message.wait_for_publish()
client.disconnect()
client.loop_stop()

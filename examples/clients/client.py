"""A synchronous and an asynchronous send through `mqtt-connector serve`, with httpx.

MQTT_SERVICE=http://127.0.0.1:8080 MQTT_TOKEN=… python client.py
"""

import os

import httpx

service = httpx.Client(
    base_url=os.environ["MQTT_SERVICE"],
    headers={"Authorization": f"Bearer {os.environ['MQTT_TOKEN']}"},
    # A send takes as long as the tenant's timeout lets it.
    timeout=90,
)

with service:
    # Waits until the broker has it. The key makes it safe to ask again when no answer comes.
    answer = service.post("/v1/send", json={"content": "from Python"}, headers={"Idempotency-Key": "python-1"})
    sent = answer.raise_for_status().json()
    print(sent["meta"]["exit-code"], sent["delivery"], sent["meta"]["message"])

    # Accepted, and looked at later.
    accepted = service.post("/v1/executions", json={"request": {"content": "from Python, later"}}).raise_for_status()
    execution = service.get(accepted.headers["Location"], params={"wait": 30}).raise_for_status().json()
    print(execution["status"], execution["meta"]["exit-code"])

"""The city of the demo: its places, devices and rules, as the configuration files that a real city would have.

Places lie where places of such names lie in Daejeon; the devices there are invented. Written as TOML, read back by the
same ``haechi edge run`` and ``haechi cloud run`` that a real city uses.
"""

from dataclasses import dataclass
from pathlib import Path
from string import Template

TENANT = "daejeon"
GATEWAY = "gapcheon-1"
MOUNT_HEIGHT_M = 4.2
"""Height of the ultrasonic sensor above the carriageway of the underpass."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo's parts are found on this machine."""

    broker_port: int
    modbus_port: int
    """Modbus TCP of the cabinet's controller: unit 1 river gauge, 2 rain gauge, 3 traffic counter."""
    serial_port: str
    """Pseudo-terminal of the ultrasonic gauge."""
    camera_url: str | None
    """None leaves the camera out."""
    clip_scene: bool
    """Whether the camera shows the default clip, for which a line and a zone are known."""


_GATEWAY = Template("""\
[gateway]
id = "$gateway"
tenant = "$tenant"
name = "Gapcheon riverside cabinet"
data_dir = "$data"

[uplink]
url = "mqtt://127.0.0.1:$broker_port"
username = "gateway"
password_file = "$password_file"

[[place]]
id = "expo-bridge"
name = "Expo Bridge · 엑스포다리"
latitude = 36.3772
longitude = 127.3862

[[place]]
id = "doan-underpass"
name = "Doan Underpass · 도안지하차도"
latitude = 36.3628
longitude = 127.3467

[[place]]
id = "mannyeon-crossing"
name = "Mannyeon Crossing · 만년네거리"
latitude = 36.3689
longitude = 127.3776

[[place]]
id = "arboretum-plaza"
name = "Arboretum Plaza · 한밭수목원 광장"
latitude = 36.3665
longitude = 127.3883

[[device]]
id = "river-1"
name = "River gauge"
kind = "river_gauge"
place = "expo-bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = $modbus_port
unit_id = 1
period_s = 0.5
[[device.config.register]]
name = "level"
address = 0
table = "holding"
type = "uint16"
scale = 0.001
unit = "m"
observed_property = "water_level"
[[device.config.register]]
name = "battery"
address = 1
table = "holding"
type = "uint16"
scale = 0.01
unit = "V"
observed_property = "battery_voltage"

[[device]]
id = "rain-1"
name = "Rain gauge"
kind = "rain_gauge"
place = "expo-bridge"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = $modbus_port
unit_id = 2
period_s = 1.0
[[device.config.register]]
name = "intensity"
address = 0
table = "input"
type = "uint16"
scale = 0.1
unit = "mm/h"
observed_property = "rain_intensity"

[[device]]
id = "traffic-1"
name = "Traffic counter"
kind = "traffic_counter"
place = "mannyeon-crossing"
adapter = "modbus"
[device.config]
transport = "tcp"
host = "127.0.0.1"
port = $modbus_port
unit_id = 3
period_s = 1.0
[[device.config.register]]
name = "flow"
address = 100
table = "holding"
type = "uint16"
unit = "{veh}/h"
observed_property = "traffic_flow"
[[device.config.register]]
name = "speed"
address = 101
table = "holding"
type = "uint16"
scale = 0.1
unit = "km/h"
observed_property = "traffic_speed"

[[device]]
id = "underpass-1"
name = "Ultrasonic gauge"
kind = "road_gauge"
place = "doan-underpass"
adapter = "serial_level"
[device.config]
port = "$serial_port"
protocol = "maxbotix_r"

[[derivation]]
id = "underpass-1.depth"
source = "underpass-1.distance"
offset = $mount_height_m
factor = -1
unit = "m"
observed_property = "water_depth"
name = "Water on the road"

[[rule]]
id = "river-1.watch"
kind = "threshold"
datastream = "river-1.level"
event = "flood.level_high"
severity = "minor"
above = 2.0
hysteresis = 0.1
raise_after_s = 1

[[rule]]
id = "river-1.warning"
kind = "threshold"
datastream = "river-1.level"
event = "flood.level_high"
severity = "moderate"
above = 2.6
hysteresis = 0.1
raise_after_s = 1

[[rule]]
id = "river-1.alarm"
kind = "threshold"
datastream = "river-1.level"
event = "flood.level_high"
severity = "severe"
above = 3.2
hysteresis = 0.1
raise_after_s = 1

[[rule]]
id = "river-1.rising"
kind = "rate"
datastream = "river-1.level"
event = "flood.level_rising"
rise = 0.5
window_s = 15

[[rule]]
id = "river-1.silent"
kind = "stale"
datastream = "river-1.level"
after_s = 15

[[rule]]
id = "rain-1.heavy"
kind = "threshold"
datastream = "rain-1.intensity"
event = "weather.heavy_rain"
above = 30
hysteresis = 5
raise_after_s = 2

[[rule]]
id = "underpass-1.flooded"
kind = "threshold"
datastream = "underpass-1.depth"
event = "flood.road_inundated"
above = 0.15
hysteresis = 0.05
raise_after_s = 1

[[rule]]
id = "traffic-1.congestion"
kind = "threshold"
datastream = "traffic-1.speed"
event = "traffic.congestion"
below = 15
hysteresis = 8
raise_after_s = 2
""")

_CAMERA = Template("""
[[camera]]
id = "camera-1"
name = "Plaza camera"
url = "$camera_url"
place = "arboretum-plaza"
looks_per_s = 3
count_period_s = 5
""")

_CLIP_SCENE = """
[[camera.lines]]
name = "walkway"
a = [0.35, 0.2]
b = [0.35, 1.0]
classes = ["person"]

[[camera.zones]]
name = "lawn"
kind = "intrusion"
polygon = [[0.0, 0.52], [0.2, 0.52], [0.45, 0.70], [0.52, 1.0], [0.0, 1.0]]
min_duration_s = 1.5
"""


_ANY_SCENE = """
[[camera.lines]]
name = "middle"
a = [0.5, 0.0]
b = [0.5, 1.0]

[[camera.lines]]
name = "across"
a = [0.0, 0.5]
b = [1.0, 0.5]

[[camera.zones]]
name = "people"
kind = "intrusion"
polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]
min_duration_s = 1.5

[[camera.zones]]
name = "vehicles"
kind = "stopped_vehicle"
polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]
"""
"""Of a camera that nobody has drawn a scene for: people and vehicles that stand, anywhere in the picture."""


def gateway_toml(addresses: Addresses, data: Path, password_file: Path) -> str:
    """Return the gateway's configuration."""
    text = _GATEWAY.substitute(
        gateway=GATEWAY,
        tenant=TENANT,
        data=data,
        broker_port=addresses.broker_port,
        password_file=password_file,
        modbus_port=addresses.modbus_port,
        serial_port=addresses.serial_port,
        mount_height_m=MOUNT_HEIGHT_M,
    )
    if addresses.camera_url is not None:
        text += _CAMERA.substitute(camera_url=addresses.camera_url)
        text += _CLIP_SCENE if addresses.clip_scene else _ANY_SCENE
    return text

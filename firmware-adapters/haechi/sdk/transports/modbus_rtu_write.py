"""Writing one coil or one holding register on a serial bus, for adapters that declare actuators. Since SDK 1.1.

What may be written is named when the writer is made (:mod:`~haechi.sdk.transports.modbus_outputs`). A write takes its
turn on the bus like every read, behind a fence, so that no late confirmation counts; it is sent once, and is done only
when the device has repeated it and the output, read back, stands as it was told. Reading back is a must here: a bus
adapter that echoes what is sent would confirm everything.
"""

from collections.abc import Collection

from haechi.sdk.errors import BadReading, ConfigError, NotConnected, NotDone
from haechi.sdk.transports.modbus_outputs import Output, Outputs, read_of, refusal, stands
from haechi.sdk.transports.modbus_rtu import ModbusRtu
from haechi.sdk.transports.serial_line import LineSettings
from haechi.text import _

_RETRY_S = 1.0
_UNIT_MAX = 254
"""The standard's is 247, and some makers use more."""


class ModbusRtuWriter:
    """Writes the outputs of one device on a bus, and nothing else of it."""

    def __init__(self, settings: LineSettings, unit: int, outputs: Collection[Output], *, timeout_s: float) -> None:
        """Keep the settings; nothing is opened before a write.

        Args:
            settings: port and character format, the same for every device on the bus.
            unit: the device's address, 1 to 254.
            outputs: what may be written.
            timeout_s: how long each answer may take.

        Raises:
            ValueError: the unit is the one that stands for all of them.
        """
        self._outputs = Outputs(unit, outputs, unit_max=_UNIT_MAX)
        self._master = ModbusRtu(settings, unit, timeout_s=timeout_s, retry_s=_RETRY_S)
        self.name = self._master.name

    async def write(self, output: Output, value: bool | int) -> None:
        """Write once; return when the device has confirmed it and stands so.

        Raises:
            NotDone: it is no output, the device is not there, or it refused: nothing has changed.
            NotConnected: it was sent and not confirmed: nobody knows.
            BadReading: the output stands otherwise, or can't be read: nobody knows.
        """
        request, read = self._outputs.request(output, value), read_of(output)
        try:
            self._master.join([read])
        except (NotConnected, ConfigError) as error:
            raise NotDone(str(error)) from None
        try:
            answer = await self._master.write_once(request, read)
            if answer != request:
                raise refusal(self.name, answer[1])
            data = await self._master.read(read)
        finally:
            self._master.close()
        if not stands(output, data, request):
            what = _("{name} has confirmed a write, but {output} does not stand so")
            raise BadReading(what.format(name=self.name, output=output))

"""A device made of libmodbus, the C library: ``python -m benchmarks.libmodbus_server [PORT]``.

Over TCP on a free port, which the first line on standard output says; or as unit 7 on the serial port PORT, 115200 8N1.
Register and bit number n hold 1000 + n and n modulo 2.
"""

import ctypes
import socket
import sys

from benchmarks.processes import tell

ELEMENTS = 16
UNIT = 7
_REQUEST_BYTES_MAX = 260


class _Mapping(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("nb_bits", "start_bits", "nb_input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("nb_inputs", "start_inputs", "nb_registers", "start_registers")),
        *((name, ctypes.POINTER(ctypes.c_uint8)) for name in ("bits", "input_bits")),
        *((name, ctypes.POINTER(ctypes.c_uint16)) for name in ("inputs", "registers")),
    )


def main() -> None:
    """Serve one master until it hangs up."""
    library = ctypes.CDLL("libmodbus.so.5")
    library.modbus_new_tcp.restype = library.modbus_new_rtu.restype = ctypes.c_void_p
    library.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
    mapping = library.modbus_mapping_new(ELEMENTS, ELEMENTS, ELEMENTS, ELEMENTS)
    for number in range(ELEMENTS):
        mapping.contents.registers[number] = mapping.contents.inputs[number] = 1000 + number
        mapping.contents.bits[number] = mapping.contents.input_bits[number] = number % 2
    if len(sys.argv) > 1:
        context = ctypes.c_void_p(library.modbus_new_rtu(sys.argv[1].encode(), 115200, ctypes.c_char(b"N"), 8, 1))
        library.modbus_set_slave(context, UNIT)
        if library.modbus_connect(context) != 0:
            raise OSError(f"libmodbus cannot open {sys.argv[1]}")
        tell({"port": sys.argv[1]})
    else:
        context = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", 0))
        listening = ctypes.c_int(library.modbus_tcp_listen(context, 1))
        borrowed = socket.socket(fileno=listening.value)
        tell({"port": borrowed.getsockname()[1]})
        borrowed.detach()  # it is libmodbus's
        library.modbus_tcp_accept(context, ctypes.byref(listening))
    request = (ctypes.c_uint8 * _REQUEST_BYTES_MAX)()
    while (size := library.modbus_receive(context, request)) >= 0:
        library.modbus_reply(context, request, size, mapping)


if __name__ == "__main__":
    main()

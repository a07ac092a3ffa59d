"""What an engine does for a runtime: listens on a Unix socket, receives a descriptor, and serves the terminal that it is.

receive.py terminal SOCKET   prints a line of JSON about the terminal, then all that it shows; types what stdin gives
receive.py pidfd SOCKET      prints the pid that the descriptor stands for
"""

import array, fcntl, json, os, select, socket, struct, sys, termios

kind, path = sys.argv[1:]
folder, name = os.path.split(path)
os.chdir(folder)  # a path may be longer than a socket's address
server = socket.socket(socket.AF_UNIX)
server.bind(name)
server.listen(1)
print("ready", flush=True)
connection, _ = server.accept()
data, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
assert len(descriptors) == 1, descriptors
fd = descriptors[0]
if kind == "pidfd":
    for line in open(f"/proc/self/fdinfo/{fd}"):
        if line.startswith("Pid:"):
            print(json.dumps({"pid": int(line.split()[1]), "data": len(data)}), flush=True)
    sys.exit(0)
rows, columns = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))[:2]
print(json.dumps({"rows": rows, "columns": columns, "name": data.decode(), "tty": os.isatty(fd)}), flush=True)
sources = [fd, 0]
while True:
    for ready in select.select(sources, [], [])[0]:
        try:
            text = os.read(ready, 4096)
        except OSError:  # EIO: nobody has the other end open any more
            sys.exit(0)
        if ready == 0 and text == b"":
            sources.remove(0)
        elif ready == 0:
            os.write(fd, text)
        elif text == b"":
            sys.exit(0)
        else:
            os.write(1, text)

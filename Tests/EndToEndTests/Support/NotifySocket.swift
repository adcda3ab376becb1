import Foundation
import Synchronization

/// The socket on which systemd listens to a service (`Type=notify`): a Unix datagram socket bound to a path.
final class NotifySocket: Sendable {
    let path: String
    private let descriptor: Int32
    private let heard = Mutex<[String]>([])

    struct Failure: Error { let number: Int32 }

    init(in folder: TemporaryFolder) throws {
        let path = folder.path + "/notify"
        self.path = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1))
        }
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw Failure(number: errno) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else {
            let number = errno
            close(descriptor)
            throw Failure(number: number)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// All datagrams so far, oldest first. Never waits.
    func messages() -> [String] {
        heard.withLock { heard in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return heard }
                heard.append(String(decoding: buffer.prefix(count), as: UTF8.self))
            }
        }
    }

    /// How many datagrams set the variable.
    func said(_ name: String) -> Int {
        messages().count { $0.split(separator: "\n").contains { $0.hasPrefix("\(name)=") } }
    }
}

import AttendanceCore
import NIOCore

/// Under which addresses others may reach this machine.
struct MachineAddresses {
    struct Interface: Hashable {
        let name: String
        let address: String
        /// Bits of the network; nil where the system does not say.
        let length: Int?
    }
    let interfaces: [Interface]

    init(_ interfaces: [Interface]) { self.interfaces = interfaces }

    /// As the system tells at this moment; empty where it does not.
    static func ofThisMachine() -> Self {
        // Without a list there is nothing to suggest, and nothing else changes.
        let devices = (try? System.enumerateDevices()) ?? []
        return Self(
            devices.compactMap { device in
                guard let address = device.address?.ipAddress else { return nil }
                return Interface(
                    name: device.name, address: address,
                    length: device.netmask?.ipAddress.flatMap(Self.length))
            })
    }

    /// Networks between containers and machines within this machine: no terminal hangs there.
    private static let inner = ["docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "lxc"]

    private var reachable: [Interface] {
        interfaces.filter { interface in
            guard let address = NetworkAddress(interface.address), !address.isLoopback else { return false }
            let text = interface.address.lowercased()
            return !text.hasPrefix("fe80") && !text.hasPrefix("169.254.")
                && !Self.inner.contains { interface.name.hasPrefix($0) }
        }
    }

    /// IPv4 first: that is what terminals speak.
    var addresses: [String] {
        var seen: Set<String> = []
        let all = reachable.map(\.address).filter { seen.insert($0).inserted }
        return all.filter { !$0.contains(":") } + all.filter { $0.contains(":") }
    }

    /// The networks that this machine is part of, as `AllowedNetworks` wants them; IPv4 only.
    var networks: [String] {
        var seen: Set<String> = []
        return reachable.compactMap { interface -> String? in
            guard !interface.address.contains(":"), let length = interface.length, (8...30).contains(length)
            else { return nil }
            do throws(NetworkRange.Fault) {
                return try NetworkRange("\(interface.address)/\(length)").description
            } catch .hostBits(let suggestion) {
                // The address of a machine has bits behind the network's.
                return suggestion
            } catch {
                return nil
            }
        }.filter { seen.insert($0).inserted }
    }

    private static func length(ofMask mask: String) -> Int? {
        let bytes = mask.split(separator: ".").compactMap { UInt8($0) }
        return bytes.count == 4 ? bytes.reduce(0) { $0 + $1.nonzeroBitCount } : nil
    }
}

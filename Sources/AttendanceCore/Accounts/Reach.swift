/// The part of the installation that somebody may see and touch. Where a `Reach?` stands, nil is all of it.
///
/// Both dimensions hold together: a dead letter is within reach when its terminal's group and its sink are. A terminal
/// without a group is within reach only of those whose groups are not limited.
package struct Reach: Hashable, Sendable, Codable {
    /// Names of groups in lower case; nil: the terminals of all groups and of none. Empty: no terminal.
    package let groups: Set<String>?
    /// Nil: all sinks. Empty: none.
    package let sinks: Set<SinkName>?

    /// Names of each kind that one reach may hold.
    package static let mostNames = 200
    /// Of a group's name, in characters.
    package static let longestName = 100

    /// Why a reach cannot be one. It is never taken for a wider one.
    package enum Fault: Error, Hashable, Sendable {
        /// Neither dimension is limited: that is no reach but nil.
        case unlimited
        case badGroup(String)
        case badSink(String)
        case tooMany
    }

    /// - Parameters:
    ///   - groups: names in any letter case; nil: all.
    ///   - sinks: names as they stand in the settings; nil: all.
    package init(groups: [String]?, sinks: [String]?) throws(Fault) {
        guard groups != nil || sinks != nil else { throw .unlimited }
        guard max(groups?.count ?? 0, sinks?.count ?? 0) <= Self.mostNames else { throw .tooMany }
        if let groups {
            var names: Set<String> = []
            for group in groups {
                let name = group.trimmingBlanks()
                guard !name.isEmpty, name.isOneLine(ofAtMost: Self.longestName) else {
                    throw .badGroup(group)
                }
                names.insert(Self.folded(name))
            }
            self.groups = names
        } else {
            self.groups = nil
        }
        if let sinks {
            var names: Set<SinkName> = []
            for sink in sinks {
                guard let name = SinkName(sink.trimmingBlanks().lowercased()) else { throw .badSink(sink) }
                names.insert(name)
            }
            self.sinks = names
        } else {
            self.sinks = nil
        }
    }

    /// How names of groups are compared.
    package static func folded(_ group: String) -> String { group.lowercased() }

    /// - Parameter group: of a terminal; nil: it is in none.
    package func contains(group: String?) -> Bool {
        guard let groups else { return true }
        return group.map { groups.contains(Self.folded($0)) } ?? false
    }

    package func contains(sink: SinkName) -> Bool { sinks?.contains(sink) ?? true }

    /// In words, for lists and the audit trail: `groups dubai office, plant; sinks erpnext`.
    package var words: String {
        var parts: [String] = []
        if let groups {
            parts.append("groups " + (groups.isEmpty ? "none" : groups.sorted().joined(separator: ", ")))
        }
        if let sinks {
            parts.append(
                "sinks " + (sinks.isEmpty ? "none" : sinks.sorted().map(\.text).joined(separator: ", ")))
        }
        return parts.joined(separator: "; ")
    }

    // MARK: As it is stored

    private enum CodingKeys: String, CodingKey { case groups, sinks }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let groups = try fields.decodeIfPresent([String].self, forKey: .groups)
        let sinks = try fields.decodeIfPresent([String].self, forKey: .sinks)
        do {
            try self.init(groups: groups, sinks: sinks)
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no reach: \(error)"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encodeIfPresent(groups?.sorted(), forKey: .groups)
        try fields.encodeIfPresent(sinks?.sorted().map(\.text), forKey: .sinks)
    }
}

extension Reach? {
    /// Whether the terminals of a group are within it; nil as the group: those of none.
    package func contains(group: String?) -> Bool { self?.contains(group: group) ?? true }
    package func contains(sink: SinkName) -> Bool { self?.contains(sink: sink) ?? true }
    package var words: String { self?.words ?? "everything" }
}

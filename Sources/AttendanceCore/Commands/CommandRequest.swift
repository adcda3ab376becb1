/// A command to a terminal as it goes over the wire: the word and its fields, every one of them checked before.
///
/// Made by `CommandCatalogue` from what a person or a program asks, or by the constructors of the commands that the
/// gateway itself needs. Source of words and fields: docs/protocol.md §8.
package struct CommandRequest: Hashable, Sendable {
    /// The `cmd`, lower case.
    package var word: String
    /// All other keys of the message.
    package var fields: [String: JSONValue]

    package init(word: String, fields: [String: JSONValue] = [:]) {
        self.word = word
        self.fields = fields
    }
}

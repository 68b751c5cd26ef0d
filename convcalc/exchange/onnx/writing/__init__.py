"""What each operation becomes, in modules by relation."""

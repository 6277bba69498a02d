<<<<<<< HEAD
PV = "1"
=======
PV = "2"
>>>>>>> other
